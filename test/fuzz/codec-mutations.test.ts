// Proves with random damage (seeded: the seed is in the title of a failure) that no codec gives
// other bytes in silence where its format has checksums, raises anything but a corrupt object,
// or goes on for ever.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/codec/codec.ts";
import { openCodec } from "../../src/codec/registry.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { runTool } from "../support/compression-tool.ts";
import { fuzzSeed } from "../support/random.ts";
import { inChunks, incompressible, pageLike, seededFractions } from "../support/sample-bytes.ts";

const ROUNDS = 250;
const LIMIT_BYTES = 1 << 28;
const SEED = fuzzSeed();

interface Subject {
  readonly title: string;
  readonly open: () => Promise<Codec>;
  readonly write?: (plain: Uint8Array) => Uint8Array;
}

const SUBJECTS: readonly Subject[] = [
  { title: "lz4", open: () => openCodec("lz4") },
  { title: "zstd, builtin engine", open: () => openCodec("zstd", { zstdEngine: "builtin" }) },
  { title: "zstd, addon engine", open: () => openCodec("zstd", { zstdEngine: "addon" }) },
  {
    title: "zstd, one large frame",
    open: () => openCodec("zstd"),
    write: (plain) => runTool("zstd", ["-1", "-c"], plain),
  },
  { title: "brotli", open: () => openCodec("brotli") },
  { title: "lzma", open: () => openCodec("lzma") },
  {
    title: "gzip",
    open: () => openCodec("gzip"),
    write: (plain) => runTool("gzip", ["-c"], plain),
  },
  {
    title: "lzo",
    open: () => openCodec("lzo"),
    write: (plain) => runTool("lzop", ["-c"], plain),
  },
  {
    title: "lz4, linked blocks",
    open: () => openCodec("lz4"),
    write: (plain) => runTool("lz4", ["-c", "-B4", "-BD"], plain),
  },
];

/** Some damage: bits, bytes, a cut, a hole, a piece doubled, moved or put in. */
function damaged(stored: Uint8Array, random: () => number): Uint8Array {
  const at = Math.floor(random() * stored.byteLength);
  const other = Math.floor(random() * stored.byteLength);
  const [from, to] = [Math.min(at, other), Math.max(at, other)];
  const kind = Math.floor(random() * 7);
  if (kind === 0) return stored.subarray(0, at);
  if (kind === 1) return Buffer.concat([stored.subarray(0, from), stored.subarray(to)]);
  if (kind === 2) return Buffer.concat([stored.subarray(0, to), stored.subarray(from)]);
  if (kind === 3) {
    const noise = incompressible(1 + Math.floor(random() * 40), at);
    return Buffer.concat([stored.subarray(0, at), noise, stored.subarray(at)]);
  }
  const copy = Buffer.from(stored);
  if (kind === 4) copy.fill(0, from, Math.min(to, from + 100));
  else if (kind === 5) copy.copyWithin(from, to, to + 50);
  else {
    for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
      const bit = Math.floor(random() * stored.byteLength * 8);
      copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    }
  }
  return copy;
}

describe(`codecs under random damage, seed ${SEED}`, () => {
  test.each(SUBJECTS)("$title", async (subject) => {
    const codec = await subject.open();
    const random = seededFractions(SEED);
    // lzma is slow by its nature: a fifth is enough per run, as seeds change.
    const rounds = codec.name === "lzma" ? ROUNDS / 5 : ROUNDS;
    for (let round = 0; round < rounds; round++) {
      const size = Math.floor(random() ** 3 * 400_000);
      const plain = random() < 0.8 ? pageLike(size, round) : incompressible(size, round);
      const stored = await write(codec, subject, plain, round);
      const bytes = damaged(stored, random);
      const result = await read(codec, bytes, round).catch((error: unknown) => error);
      const where = `seed ${SEED}, round ${round}`;
      if (!(result instanceof Uint8Array)) {
        expect(result, where).toBeInstanceOf(CorruptObjectError);
      } else if (codec.detectsFlippedBits || Buffer.compare(bytes, stored) === 0) {
        expectWholeParts(result, { plain, bytes, where });
      }
    }
  });
});

/**
 * What comes out is the content, or, where damage left whole frames or nothing at all, several of
 * them or none: frames may stand in a row, so that a doubled or missing one is no damage to see.
 */
function expectWholeParts(
  result: Uint8Array,
  at: { readonly plain: Uint8Array; readonly bytes: Uint8Array; readonly where: string },
): void {
  const { plain, bytes, where } = at;
  const isWhole = Buffer.compare(result, plain) === 0;
  const isTwice = Buffer.compare(result, Buffer.concat([plain, plain])) === 0;
  const isNothing = bytes.byteLength === 0 && result.byteLength === 0;
  expect(isWhole || isTwice || isNothing, where).toBe(true);
}

async function write(
  codec: Codec,
  subject: Subject,
  plain: Uint8Array,
  seed: number,
): Promise<Uint8Array> {
  if (subject.write !== undefined) return subject.write(plain);
  if (codec.compress === undefined) throw new Error(`${codec.name} does not write`);
  return collect(codec.compress(inChunks(plain, { sizeBytesMax: 100_000, seed })), LIMIT_BYTES);
}

function read(codec: Codec, stored: Uint8Array, seed: number): Promise<Uint8Array> {
  return collect(codec.decompress(inChunks(stored, { sizeBytesMax: 50_000, seed })), LIMIT_BYTES);
}
