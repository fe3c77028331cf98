// Proves that random spans of an object come back as they were, with few stored bytes read, and
// that objects which must be read from their start say so. The seed is in the title.
import { describe, expect, it } from "vitest";
import type { CodecName } from "../../../src/codec/codec.ts";
import type { ByteRange, StorageDriver } from "../../../src/storage/driver.ts";
import { type ByteStream, bytesSource } from "../../../src/stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../../../src/stream/chunk-pool.ts";
import { openObjectRanges, type Span } from "../../../src/transfer/object-ranges.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import { aesCipher } from "../../support/aes-cipher.ts";
import { memoryRepository } from "../../support/memory-repository.ts";
import { fuzzSeed, type Random, seededRandom } from "../../support/random.ts";
import { NEVER } from "../../support/receipts.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const SEED = fuzzSeed();
const PLAIN = pageLike(40 << 20, 1);
const SUFFIXES: Readonly<Record<string, string>> = { zstd: ".zst", none: "", lz4: ".lz4" };

async function stored(codec: CodecName, plain = PLAIN) {
  const repository = await memoryRepository(codec);
  const key = `parts/part_001.tar${SUFFIXES[codec]}`;
  const source = bytesSource(plain);
  const object = await writeObject(repository, { key, source, ifAbsent: false, signal: NEVER });
  const ranges: ByteRange[] = [];
  const driver: StorageDriver = Object.assign(Object.create(repository.driver), {
    get: async (...[name, options]: Parameters<StorageDriver["get"]>) => {
      if (options.range !== undefined) ranges.push(options.range);
      return freed(await repository.driver.get(name, options));
    },
  });
  const request = { ...object, signal: NEVER };
  return { repository: { ...repository, driver }, request, object, ranges };
}

/** Chunks that are gone once they are recycled, as directories and SSH servers give them. */
async function* freed(stream: ByteStream) {
  for await (const chunk of stream) yield freedWhenRecycled(chunk.slice());
}

function randomSpans(random: Random): readonly Span[] {
  const spans: Span[] = [];
  let start = random.below(3_000_000);
  while (start < PLAIN.byteLength && spans.length < 12) {
    const end = Math.min(PLAIN.byteLength, start + 1 + random.below(700_000));
    spans.push({ start, end });
    start = end + 1 + random.below(random.pick([5000, 8_000_000]));
  }
  return spans;
}

describe("ranges of an object", () => {
  it.each(["zstd", "none"] as const)(`of %s are as they were (seed ${SEED})`, async (codec) => {
    const random = seededRandom(SEED);
    const { repository, request, object } = await stored(codec);
    const ranges = await openObjectRanges(repository, request);
    if (ranges === undefined) throw new Error("no ranges");
    for (let round = 0; round < 12; round += 1) {
      const spans = randomSpans(random);
      const seen = new Uint8Array(PLAIN.byteLength);
      const given = new Uint8Array(PLAIN.byteLength);
      for await (const { position, bytes } of ranges.read(spans, NEVER)) {
        seen.fill(1, position, position + bytes.byteLength);
        given.set(bytes, position);
        recycle(bytes);
      }
      for (const { start, end } of spans) {
        expect(seen.subarray(start, end).every((one) => one === 1)).toBe(true);
        const isEqual =
          Buffer.compare(given.subarray(start, end), PLAIN.subarray(start, end)) === 0;
        expect(isEqual).toBe(true);
      }
      expect(ranges.storedBytesOf(spans)).toBeLessThanOrEqual(object.storedBytes);
    }
  });

  it("take little of the storage, and gaps only where they are small", async () => {
    const { repository, request, ranges, object } = await stored("zstd");
    const opened = await openObjectRanges(repository, request);
    ranges.length = 0;
    const spans = [
      { start: 1_000_000, end: 1_008_192 },
      { start: 30_000_000, end: 30_000_001 },
    ];
    for await (const _ of opened?.read(spans, NEVER) ?? []);
    expect(ranges).toHaveLength(2);
    const readBytes = ranges.reduce((sum, { length }) => sum + length, 0);
    expect(readBytes).toBe(opened?.storedBytesOf(spans));
    expect(readBytes).toBeLessThan(object.storedBytes / 20);
  });

  it("are not to be had of other codecs, small objects and encrypted ones", async () => {
    const lz4 = await stored("lz4", PLAIN.subarray(0, 1 << 20));
    expect(await openObjectRanges(lz4.repository, lz4.request)).toBeUndefined();
    const small = await stored("zstd", PLAIN.subarray(0, 1 << 20));
    expect(await openObjectRanges(small.repository, small.request)).toBeUndefined();
    const { repository, request } = await stored("zstd");
    const cipher = aesCipher(new Uint8Array(32));
    expect(await openObjectRanges({ ...repository, cipher }, request)).toBeUndefined();
    const other = { ...request, plainBytes: request.plainBytes + 1 };
    expect(await openObjectRanges(repository, other)).toBeUndefined();
  });
});
