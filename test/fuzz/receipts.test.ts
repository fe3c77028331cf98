// Proves with seeded random backups that receipts come back as written, plain and encrypted, and
// that no random damage (flips, cuts, swaps, overwritten runs) is ever believed.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { UnsupportedFormatError } from "../../src/catalog/receipts-index.ts";
import { partsPrefix } from "../../src/catalog/storage-layout.ts";
import type { CodecName } from "../../src/codec/codec.ts";
import type { PartEntry, PartReceipt } from "../../src/transfer/stored-part.ts";
import { aesCipher, PLAIN_CIPHER } from "../support/aes-cipher.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";
import { BACKUP, openBytes, readAll, writeReceipts } from "../support/receipts.ts";

const ROUNDS = 60;
const DAMAGES_EACH = 20;
const AES = aesCipher(new Uint8Array(32).fill(1));
const CODECS: readonly CodecName[] = ["none", "lz4", "zstd", "brotli", "lzma", "gzip", "lzo"];
const LETTERS = ["a", "/", "é", "\u{1f600}", "0", " ", '"', "\\", "\u0000"];

function randomSize(random: Random): number {
  return Number(random.bits64() >> BigInt(11 + random.below(53)));
}

function randomText(random: Random, lengthMax: number): string {
  return Array.from({ length: random.below(lengthMax) }, () => random.pick(LETTERS)).join("");
}

function randomEntry(random: Random): PartEntry {
  const hasPages = random.below(2) === 0;
  const blocks = Array.from({ length: random.below(5) }, () => random.below(2 ** 31));
  return {
    path: randomText(random, 40),
    kind: random.pick(["whole", "increment", "directory", "link"] as const),
    sizeBytes: randomSize(random),
    xxHash3: random.bits64(),
    offset: randomSize(random),
    pageHashes: hasPages
      ? new BigUint64Array(random.below(50)).map(() => random.bits64())
      : undefined,
    corruptBlocks: [...new Set(blocks)].sort((a, b) => a - b),
  };
}

function randomPart(random: Random, number: number): PartReceipt {
  return {
    object: {
      key: `${partsPrefix(BACKUP)}part_${number}${randomText(random, 5).replaceAll("\u0000", "")}`,
      plainBytes: randomSize(random),
      storedBytes: randomSize(random),
      storedSha256: Array.from({ length: 64 }, () => random.below(16).toString(16)).join(""),
      codec: random.pick(CODECS),
      cipherKeyId: randomText(random, 8),
    },
    entries: Array.from({ length: random.below(12) }, () => randomEntry(random)),
  };
}

function damaged(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.byteLength);
  switch (random.below(5)) {
    case 0:
      copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
      return copy;
    case 1:
      return copy.subarray(0, at);
    case 2:
      return copy.subarray(at + 1);
    case 3:
      copy.fill(random.below(256), at, at + 1 + random.below(64));
      return copy;
    default: {
      const other = random.below(copy.byteLength);
      const run = 1 + random.below(40);
      copy.copyWithin(at, other, other + run);
      return copy;
    }
  }
}

test("receipts survive, damage does not", async () => {
  const seed = fuzzSeed();
  console.info(`FUZZ_SEED=${seed}`);
  const random = seededRandom(seed);
  for (let round = 0; round < ROUNDS; round += 1) {
    const cipher = random.below(3) === 0 ? AES : PLAIN_CIPHER;
    const parts = Array.from({ length: random.below(6) }, (_, i) => randomPart(random, i));
    const { bytes, facts } = await writeReceipts(parts, cipher);
    const reader = await openBytes(bytes, facts, cipher);
    expect(reader && (await readAll(reader)), `seed ${seed} round ${round}`).toEqual(parts);
    for (let i = 0; i < DAMAGES_EACH; i += 1) {
      const bad = damaged(random, bytes);
      if (Buffer.compare(bad, bytes) === 0) continue;
      const known = random.below(2) === 0 ? facts : undefined;
      const reading = openBytes(bad, known, cipher).then((opened) => opened && readAll(opened));
      const error = await reading.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const isRefused =
        error instanceof CorruptObjectError || error instanceof UnsupportedFormatError;
      expect(isRefused, `seed ${seed} round ${round} damage ${i}: ${String(error)}`).toBe(true);
    }
  }
});
