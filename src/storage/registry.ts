import type { ByteBudget } from "../base/byte-budget.ts";
import type { Clock } from "../base/clock.ts";
import { ConfigError, type ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { doublingCeiling, type RetryPolicy } from "../base/retry.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { RateLimit } from "../stream/token-bucket.ts";
import { chooseStorage, type StorageKind } from "./choice.ts";
import type { StorageDriver } from "./driver.ts";
import { StorageError, StorageUnavailableError } from "./errors.ts";
import { toObjectKey } from "./object-key.ts";
import { logged } from "./wrap/logged.ts";
import { retrying } from "./wrap/retrying.ts";

export interface StorageOptions {
  readonly budget: ByteBudget;
  readonly log: Logger;
  readonly clock: Clock;
  /** How long after the opening a failed request may be repeated. undefined: as often as set. */
  readonly retryBudgetMs?: number | undefined;
  /** How fast objects may move, all of them together. */
  readonly rateLimit?: RateLimit | undefined;
  /** Whose account runs this; undefined where the machine has no entry for it. */
  readonly account?: () => { readonly userName: string; readonly home: string } | undefined;
  /** Uniform in [0, 1): for tests of the back-off. */
  readonly random?: () => number;
}

interface Opened {
  readonly driver: StorageDriver;
  readonly policy: RetryPolicy;
}

type Opener = (settings: SettingReader, options: StorageOptions) => Promise<Opened>;

interface Storage extends StorageKind {
  readonly open: Opener | undefined;
}

/** In WAL-G's order: the first whose key is set is opened. */
const STORAGES: readonly Storage[] = [
  { key: "OSS_PREFIX", schemes: ["oss"], open: undefined },
  { key: "S3_PREFIX", schemes: ["s3"], open: openS3 },
  { key: "FILE_PREFIX", schemes: ["file"], open: openFile },
  { key: "GS_PREFIX", schemes: ["gs"], open: openGcs },
  { key: "AZ_PREFIX", schemes: ["azure"], open: openAzure },
  { key: "SWIFT_PREFIX", schemes: ["swift"], open: undefined },
  { key: "SSH_PREFIX", schemes: ["ssh", "sftp"], open: openSftp },
];

/** Opens the storage that the settings name: its driver, logged and retried. */
export async function openStorage(
  settings: SettingReader,
  options: StorageOptions,
): Promise<StorageDriver> {
  const chosen = chooseStorage(settings, STORAGES);
  if (chosen === undefined) {
    throw new ConfigError(
      "no storage is configured",
      "Set WALG_S3_PREFIX=s3://bucket/path, WALG_FILE_PREFIX=/path, or TIDEMARK_STORAGE_URL.",
    );
  }
  const { key, open } = chosen.kind;
  if (open === undefined) {
    throw new ConfigError(
      `${key}: this storage is not supported yet`,
      "Use WALG_S3_PREFIX or WALG_FILE_PREFIX.",
    );
  }
  const { driver, policy } = await open(chosen.settings, options);
  const told = logged(driver, options.log, options.clock);
  return retrying(await limited(told, options.rateLimit), policy);
}

/** Below the retries: what is sent once more takes its time once more. */
async function limited(
  driver: StorageDriver,
  limit: RateLimit | undefined,
): Promise<StorageDriver> {
  if (limit === undefined) return driver;
  const { throttled } = await import("./wrap/throttled.ts");
  return throttled(driver, limit);
}

async function openFile(settings: SettingReader, options: StorageOptions): Promise<Opened> {
  const { openFileStorage } = await import("./file/driver.ts");
  const path = filePath(settings.text("FILE_PREFIX") ?? "");
  const driver = openFileStorage(path, { below: storagePrefix(settings), clock: options.clock });
  const policy = createPolicy(options, { attemptsMax: 4, throttle: { minMs: 0, maxMs: 1000 } });
  return { driver, policy };
}

async function openS3(settings: SettingReader, options: StorageOptions): Promise<Opened> {
  const { readS3Settings } = await import("./s3/settings.ts");
  const { openS3Storage } = await import("./s3/open.ts");
  const s3 = readS3Settings(settings, storagePrefix(settings));
  const policy = createPolicy(options, s3);
  // Without static keys the SDK is loaded anyway, for its providers.
  const { keys, role } = s3.credentials;
  const path = keys !== undefined && role === undefined ? "direct" : "sdk";
  const idleTimeoutMs = idleTimeout(options.retryBudgetMs);
  const driver = await openS3Storage(s3, { ...options, policy, path, idleTimeoutMs });
  return { driver, policy };
}

async function openGcs(settings: SettingReader, options: StorageOptions): Promise<Opened> {
  const { readGcsSettings } = await import("./gcs/settings.ts");
  const { openGcsStorage } = await import("./gcs/open.ts");
  const gcs = readGcsSettings(settings, storagePrefix(settings));
  const policy = createPolicy(options, gcs);
  const idleTimeoutMs = idleTimeout(options.retryBudgetMs);
  const driver = await openGcsStorage(gcs, { ...options, policy, idleTimeoutMs });
  return { driver, policy };
}

async function openAzure(settings: SettingReader, options: StorageOptions): Promise<Opened> {
  const { readAzureSettings } = await import("./azure/settings.ts");
  const { openAzureStorage } = await import("./azure/open.ts");
  const azure = readAzureSettings(settings, storagePrefix(settings));
  const policy = createPolicy(options, azure);
  const idleTimeoutMs = idleTimeout(options.retryBudgetMs);
  const driver = await openAzureStorage(azure, { ...options, policy, idleTimeoutMs });
  return { driver, policy };
}

async function openSftp(settings: SettingReader, options: StorageOptions): Promise<Opened> {
  const { readSftpSettings } = await import("./sftp/settings.ts");
  const { SftpDriver } = await import("./sftp/driver.ts");
  const storage = storagePrefix(settings);
  const sftp = readSftpSettings(settings, { storagePrefix: storage, account: options.account?.() });
  const { attemptsMax } = sftp;
  const policy = createPolicy(options, { attemptsMax, throttle: { minMs: 0, maxMs: 1000 } });
  const idleTimeoutMs = idleTimeout(options.retryBudgetMs);
  return { driver: new SftpDriver(sftp, { ...options, policy, idleTimeoutMs }), policy };
}

const IDLE_TIMEOUT_MS = 60_000;
/** A service may think for a moment, whatever the budget. */
const IDLE_TIMEOUT_MIN_MS = 5000;

/** Who repeats a request for less than a minute does not wait longer for an answer. */
function idleTimeout(retryBudgetMs = IDLE_TIMEOUT_MS): number {
  return Math.min(IDLE_TIMEOUT_MS, Math.max(IDLE_TIMEOUT_MIN_MS, retryBudgetMs));
}

/** `/path`, `file:///path` and `file://localhost/path`. */
function filePath(text: string): string {
  const path = text.replace(/^file:\/\/(?:localhost)?(?=\/)/, "");
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new ConfigError(`FILE_PREFIX: ${text} is not an absolute path, like /mnt/backups`);
  }
  return path.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
}

/** `STORAGE_PREFIX`: appended to the root of every storage. */
function storagePrefix(settings: SettingReader): string {
  const path = (settings.text("STORAGE_PREFIX") ?? "").replace(/^\/+|\/+$/g, "");
  return path === "" ? "" : toObjectKey(path);
}

const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 20_000;
/** A service that asks for more is not waited for: the command's caller tries again later. */
const RETRY_AFTER_MAX_MS = 300_000;

function createPolicy(
  options: StorageOptions,
  limits: {
    readonly attemptsMax: number;
    readonly throttle: { readonly minMs: number; readonly maxMs: number };
  },
): RetryPolicy {
  const { attemptsMax, throttle } = limits;
  const { clock, retryBudgetMs } = options;
  return {
    attemptsMax,
    endMs: retryBudgetMs === undefined ? undefined : clock.monotonicMs() + retryBudgetMs,
    clock,
    random: options.random ?? trueRandom,
    ceilingMs: (attempt, error) =>
      isThrottled(error)
        ? doublingCeiling(attempt, 2 * throttle.minMs, throttle.maxMs)
        : doublingCeiling(attempt, FIRST_DELAY_MS, DELAY_MAX_MS),
    floorMs: (error) => {
      const askedMs = error instanceof StorageError ? (error.retryAfterMs ?? 0) : 0;
      const leastMs = isThrottled(error) ? throttle.minMs : 0;
      return Math.max(leastMs, Math.min(askedMs, RETRY_AFTER_MAX_MS));
    },
    onRetry: ({ attempt, delayMs, error }) => {
      options.log.warning(error.message, { attempt, attemptsMax, delayMs });
    },
  };
}

function isThrottled(error: ToolError): boolean {
  return error instanceof StorageUnavailableError && error.isThrottled;
}

function trueRandom(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
