import { ByteBudget } from "../base/byte-budget.ts";
import type { SettingReader } from "../base/setting-reader.ts";
import type { Codec, CodecName, CodecOptions } from "../codec/codec.ts";
import { readOnly } from "../storage/wrap/read-only.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";

export type Purpose = "read" | "write";

/**
 * The repository that the settings describe. Only what it needs is imported; disposing it closes
 * the storage's connections.
 */
export async function openRepository(
  { settings, log, clock }: Invocation,
  purpose: Purpose,
): Promise<Repository & AsyncDisposable> {
  const [storages, codecs, ciphers] = await Promise.all([
    import("../storage/registry.ts"),
    import("../codec/registry.ts"),
    import("../cipher/registry.ts"),
  ]);
  const budget = new ByteBudget(settings.whole("BUFFER_BUDGET") ?? 0);
  const cipher = await ciphers.openCipher(settings, { log });
  const options = codecOptions(settings, codecs);
  const opened = new Map<CodecName, Promise<Codec>>();
  const codecFor = (name: CodecName): Promise<Codec> => {
    const codec = opened.get(name) ?? codecs.openCodec(name, options);
    opened.set(name, codec);
    return codec;
  };
  const codec = await codecFor(codecs.parseCodecName(settings.text("COMPRESSION_METHOD") ?? ""));
  const storage = await storages.openStorage(settings, { budget, log, clock });
  // Who only reads must not be able to write by mistake.
  const driver = purpose === "write" ? storage : readOnly(storage);
  return {
    name: "default",
    driver,
    codec,
    cipher,
    codecFor,
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

function codecOptions(
  settings: SettingReader,
  codecs: {
    parseZstdLevel(text: string): number;
    parseZstdEngine(text: string): "auto" | "builtin" | "addon";
  },
): CodecOptions {
  const level = settings.text("ZSTD_LEVEL");
  return {
    level: level === undefined ? undefined : codecs.parseZstdLevel(level),
    zstdEngine: codecs.parseZstdEngine(settings.text("ZSTD_ENGINE") ?? "auto"),
  };
}
