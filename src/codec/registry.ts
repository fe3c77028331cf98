import { ConfigError } from "../base/errors.ts";
import type { Codec, CodecName, CodecOptions } from "./codec.ts";
import { NONE_CODEC } from "./none.ts";

/** What follows the dot in an object's name. */
export const EXTENSIONS: Readonly<Record<CodecName, string>> = {
  none: "",
  lz4: "lz4",
  zstd: "zst",
  brotli: "br",
  lzma: "lzma",
  gzip: "gz",
  lzo: "lzo",
};

/**
 * In which order a single object (WAL, history, …) is looked for, as WAL-G does. A name with a
 * bare dot at its end, which one version of WAL-G wrote, is read as `none` too.
 */
export const LOOKUP_ORDER: readonly CodecName[] = [
  "lz4",
  "lzma",
  "gzip",
  "brotli",
  "lzo",
  "zstd",
  "none",
];

/** What `COMPRESSION_METHOD` may be. */
export const WRITABLE_CODECS = ["lz4", "zstd", "brotli", "lzma", "none"] as const;

/** `ZSTD_LEVEL` by WAL-G's names. */
export const ZSTD_LEVELS = { fastest: 1, default: 3, better: 7, best: 11 } as const;

const ZSTD_LEVEL_MAX = 22;

/** The codec of an extension without its dot; undefined when there is none. */
export function codecOfExtension(extension: string): CodecName | undefined {
  for (const name of LOOKUP_ORDER) if (EXTENSIONS[name] === extension) return name;
  return undefined;
}

/** Reads `COMPRESSION_METHOD`: a codec that can write. */
export function parseCodecName(text: string): CodecName {
  const name = WRITABLE_CODECS.find((known) => known === text);
  if (name !== undefined) return name;
  const isReadOnly = text === "gzip" || text === "lzo";
  throw new ConfigError(
    isReadOnly
      ? `COMPRESSION_METHOD=${text}: ${text} can only be read`
      : `COMPRESSION_METHOD=${text}: no such compression method`,
    `Choose one of ${WRITABLE_CODECS.join(", ")}.`,
  );
}

/** Reads `ZSTD_LEVEL`: one of WAL-G's names, or a number. */
export function parseZstdLevel(text: string): number {
  for (const [name, level] of Object.entries(ZSTD_LEVELS)) if (name === text) return level;
  const level = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (level >= 1 && level <= ZSTD_LEVEL_MAX) return level;
  throw new ConfigError(
    `ZSTD_LEVEL=${text}: no such level`,
    `Choose ${Object.keys(ZSTD_LEVELS).join(", ")} or a number from 1 to ${ZSTD_LEVEL_MAX}.`,
  );
}

/** Reads `TIDEMARK_ZSTD_ENGINE`. */
export function parseZstdEngine(text: string): "auto" | "builtin" | "addon" {
  if (text === "auto" || text === "builtin" || text === "addon") return text;
  throw new ConfigError(
    `TIDEMARK_ZSTD_ENGINE=${text}: no such engine`,
    "Choose auto, builtin or addon.",
  );
}

/** Loads one codec; the others cost nothing. */
export async function openCodec(name: CodecName, options: CodecOptions = {}): Promise<Codec> {
  switch (name) {
    case "none":
      return NONE_CODEC;
    case "zstd":
      return (await import("./zstd.ts")).openZstdCodec(options);
    case "lz4":
      return (await import("./lz4.ts")).LZ4_CODEC;
    case "brotli":
      return (await import("./brotli.ts")).BROTLI_CODEC;
    case "lzma":
      return (await import("./lzma.ts")).LZMA_CODEC;
    case "gzip":
      return (await import("./gzip.ts")).GZIP_CODEC;
    case "lzo":
      return (await import("./lzo.ts")).LZO_CODEC;
  }
}
