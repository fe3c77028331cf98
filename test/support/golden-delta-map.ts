import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openCodec } from "../../src/codec/registry.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import { isSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";

const DIRECTORY = join(import.meta.dirname, "../golden/delta-map");

/** The 16 segments of 16 MiB of which WAL-G made `goldenDeltaMap`, one at a time. */
export function* goldenGroup(): Generator<{ name: SegmentName; bytes: Uint8Array }> {
  for (const file of readdirSync(DIRECTORY).sort()) {
    const name = file.slice("14-".length).replace(".zst", "");
    if (!isSegmentName(name)) continue;
    const bytes = new Uint8Array(Bun.zstdDecompressSync(readFileSync(join(DIRECTORY, file))));
    yield { name, bytes };
  }
}

export const GOLDEN_MAP_NAME = "000000010000000000000020_delta";

/** The map that WAL-G stored of them, decompressed. */
export async function goldenDeltaMap(): Promise<Uint8Array> {
  const codec = await openCodec("lz4", {});
  const stored = readFileSync(join(DIRECTORY, `${GOLDEN_MAP_NAME}.lz4`));
  const { signal } = new AbortController();
  return collect(codec.decompress(bytesSource(stored).open(signal)), 1 << 20);
}
