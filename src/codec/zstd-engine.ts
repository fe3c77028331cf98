import { AddonError, loadAddon } from "../base/addon.ts";
import { zstdAddonPath } from "../base/addon-files.ts";
import { ConfigError } from "../base/errors.ts";

/** Whole frames in, whole frames out, on the runtime's thread pool. */
export interface ZstdEngine {
  readonly name: "builtin" | "addon";
  compress(plain: Uint8Array, level: number): Promise<Uint8Array>;
  decompress(frame: Uint8Array): Promise<Uint8Array>;
  /** The same in the calling thread. */
  decompressHere?(frame: Uint8Array): Uint8Array;
}

export type ZstdEngineChoice = "auto" | "builtin" | "addon";

/** `auto`: the runtime's own engine, which is the faster one; the addon where it has none. */
export async function openZstdEngine(choice: ZstdEngineChoice): Promise<ZstdEngine> {
  const hasBuiltin = typeof Bun.zstdCompress === "function";
  if (choice !== "addon" && hasBuiltin) return BUILTIN_ENGINE;
  if (choice === "builtin") {
    throw new ConfigError(
      "this runtime has no built-in zstd",
      "Set TIDEMARK_ZSTD_ENGINE=auto to use the addon.",
    );
  }
  return openAddonEngine();
}

const BUILTIN_ENGINE: ZstdEngine = {
  name: "builtin",
  compress: (plain, level) => Bun.zstdCompress(plain, { level }),
  decompress: (frame) => Bun.zstdDecompress(frame),
  decompressHere: (frame) => Bun.zstdDecompressSync(frame),
};

/** What `@mongodb-js/zstd` exports beneath its wrapper. */
interface ZstdAddon {
  compress(plain: Buffer, level: number): Promise<Buffer>;
  decompress(frame: Buffer): Promise<Buffer>;
}

async function openAddonEngine(): Promise<ZstdEngine> {
  const path = await zstdAddonPath();
  if (path === undefined) throw noAddon(undefined);
  let addon: ZstdAddon;
  try {
    addon = (await loadAddon("zstd", path)) as ZstdAddon;
  } catch (error) {
    if (error instanceof AddonError) throw noAddon(error);
    throw error;
  }
  return {
    name: "addon",
    compress: (plain, level) => addon.compress(asBuffer(plain), level),
    decompress: (frame) => addon.decompress(asBuffer(frame)),
  };
}

function noAddon(cause: AddonError | undefined): ConfigError {
  const error = new ConfigError(
    "the zstd addon cannot be loaded on this machine",
    "Set TIDEMARK_ZSTD_ENGINE=auto to use the built-in engine.",
  );
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** The same bytes as the addon takes them. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
