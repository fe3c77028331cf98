import { ByteBudget } from "../base/byte-budget.ts";
import { ConfigError } from "../base/errors.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import { openCipher } from "../cipher/registry.ts";
import type { Codec, CodecName, CodecOptions } from "../codec/codec.ts";
import { openCodec, parseCodecName, parseZstdEngine, parseZstdLevel } from "../codec/registry.ts";
import { passwdEntry } from "../config/passwd.ts";
import { PRIMARY_STORAGE } from "../config/primary-storage.ts";
import type { Settings } from "../config/settings.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { openStorage, type StorageOptions } from "../storage/registry.ts";
import { readOnly } from "../storage/wrap/read-only.ts";
import type { RateLimit } from "../stream/token-bucket.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";

export type Purpose = "read" | "write";

export interface RepositoryLimits
  extends Pick<CodecOptions, "parallelism">,
    Pick<StorageOptions, "retryBudgetMs"> {
  /**
   * The setting of the rate at which objects may move; none: as fast as they can. As by WAL-G,
   * `--turbo` lifts it. WAL has a key of ours, since it has to keep up with the server.
   */
  readonly rateKey?: "NETWORK_RATE_LIMIT" | "WAL_NETWORK_RATE_LIMIT";
}

/** Opens repositories that share codecs, cipher, buffers and rate. */
export interface RepositoryOpener {
  open(storage: {
    readonly name: string;
    readonly settings: SettingReader;
  }): Promise<Repository & AsyncDisposable>;
  around(name: string, driver: StorageDriver): Repository & AsyncDisposable;
}

/**
 * The repository that the settings describe: in the storage of `TARGET_STORAGE`, or else in the
 * default one. Of storages, codecs and ciphers only those it needs are imported (the registries
 * come at once: each module loaded by itself takes 0.2 ms); disposing it closes the storage's
 * connections.
 */
export async function openRepository(
  invocation: Invocation,
  purpose: Purpose,
  limits: RepositoryLimits = {},
): Promise<Repository & AsyncDisposable> {
  const name = invocation.settings.text("TARGET_STORAGE") ?? PRIMARY_STORAGE;
  return await openNamedRepository(invocation, purpose, { ...limits, name });
}

/** The same in the storage of that name, which counts in lower case. */
export async function openNamedRepository(
  invocation: Invocation,
  purpose: Purpose,
  { name, ...limits }: RepositoryLimits & { readonly name: string },
): Promise<Repository & AsyncDisposable> {
  const opener = await repositoryOpener(invocation, purpose, limits);
  if (name.toLowerCase() === PRIMARY_STORAGE) {
    return await opener.open({ name: PRIMARY_STORAGE, settings: invocation.settings });
  }
  const { namedStorage } = await import("./storages.ts");
  return await opener.open(namedStorage(invocation, name));
}

export async function repositoryOpener(
  invocation: Invocation,
  purpose: Purpose,
  limits: RepositoryLimits,
): Promise<RepositoryOpener> {
  const { settings, log, clock, signal } = invocation;
  if (purpose === "write") refuseIdleLevel(settings);
  const budget = new ByteBudget(settings.whole("BUFFER_BUDGET") ?? 0);
  const cipher = await openCipher(settings, { log, clock, signal });
  const { retryBudgetMs, rateKey, ...codecLimits } = limits;
  const options = { ...codecOptions(settings), ...codecLimits };
  const opened = new Map<CodecName, Promise<Codec>>();
  const codecFor = (name: CodecName): Promise<Codec> => {
    const codec = opened.get(name) ?? openCodec(name, options);
    opened.set(name, codec);
    return codec;
  };
  const codec = await codecFor(parseCodecName(settings.text("COMPRESSION_METHOD") ?? ""));
  const account = () => passwdEntry(process.geteuid?.() ?? 0);
  const rateLimit = await openRateLimit(invocation, rateKey);
  const storageOptions = { budget, log, clock, retryBudgetMs, rateLimit, account };
  const around = (name: string, driver: StorageDriver) => {
    const close = () => driver.close();
    return { name, driver, codec, cipher, codecFor, [Symbol.asyncDispose]: close };
  };
  return {
    around,
    open: async (storage) => {
      const driver = await openStorage(storage.settings, storageOptions);
      // Who only reads must not be able to write by mistake.
      return around(storage.name, purpose === "write" ? driver : readOnly(driver));
    },
  };
}

/** Loaded only where there is a limit: most runs have none. */
async function openRateLimit(
  { settings, options, clock }: Invocation,
  key: RepositoryLimits["rateKey"],
): Promise<RateLimit | undefined> {
  const isUnlimited = key === undefined || options.flag("turbo");
  const bytesPerSecond = isUnlimited ? undefined : settings.whole(key);
  if (bytesPerSecond === undefined) return undefined;
  const { TokenBucket } = await import("../stream/token-bucket.ts");
  return new TokenBucket(bytesPerSecond, clock);
}

/** Who sets both means one of them to be something else. */
function refuseIdleLevel(settings: Settings): void {
  const method = settings.text("COMPRESSION_METHOD");
  const isGiven = ["ZSTD_LEVEL", "COMPRESSION_METHOD"].every(
    (key) => settings.origin(key) !== "default",
  );
  if (!isGiven || method === "zstd") return;
  throw new ConfigError(
    `ZSTD_LEVEL is set, and COMPRESSION_METHOD is ${method}`,
    "Remove the level, or choose zstd.",
  );
}

function codecOptions(settings: SettingReader): CodecOptions {
  const level = settings.text("ZSTD_LEVEL");
  return {
    level: level === undefined ? undefined : parseZstdLevel(level),
    zstdEngine: parseZstdEngine(settings.text("ZSTD_ENGINE") ?? "auto"),
  };
}
