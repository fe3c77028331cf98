// A program that is compiled by `test/conformance/codec.compiled.test.ts`: it sends bytes through
// every codec and cipher engine and prints what worked, one name a line.
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openLibsodiumCipher } from "../../src/cipher/libsodium.ts";
import type { CodecOptions } from "../../src/codec/codec.ts";
import { openCodec, WRITABLE_CODECS } from "../../src/codec/registry.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";

const PLAIN = Buffer.from("what is compiled must work too; ".repeat(50_000));
const open = (bytes: Uint8Array) => bytesSource(bytes).open(new AbortController().signal);

async function probeCodec(name: (typeof WRITABLE_CODECS)[number], options: CodecOptions) {
  const codec = await openCodec(name, options);
  if (codec.compress === undefined) throw new Error(`${name} does not write`);
  const stored = await collect(codec.compress(open(PLAIN)), 1 << 24);
  return Buffer.compare(await collect(codec.decompress(open(stored)), 1 << 24), PLAIN) === 0;
}

async function probeCipher(engine: "auto" | "addon" | "wasm") {
  const cipher = openLibsodiumCipher(new Uint8Array(32), { log: SILENT_LOGGER, engine });
  const stored = await collect(cipher.encrypt(open(PLAIN)), 1 << 24);
  return Buffer.compare(await collect(cipher.decrypt(open(stored)), 1 << 24), PLAIN) === 0;
}

/** What it prints when all is well. */
export const PROBE_LINES = [
  ...WRITABLE_CODECS,
  "gzip",
  "lzo",
  "zstd addon",
  "libsodium addon",
  "libsodium wasm",
  "libsodium auto",
];

async function main(): Promise<void> {
  for (const name of WRITABLE_CODECS) if (await probeCodec(name, {})) console.log(name);
  for (const name of ["gzip", "lzo"] as const) console.log((await openCodec(name)).name);
  if (await probeCodec("zstd", { zstdEngine: "addon" })) console.log("zstd addon");
  for (const engine of ["addon", "wasm", "auto"] as const) {
    if (await probeCipher(engine)) console.log(`libsodium ${engine}`);
  }
}

if (import.meta.main) await main();
