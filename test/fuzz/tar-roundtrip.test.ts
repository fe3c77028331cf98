// Proves with seeded random tars that the reader gives back exactly what the header encoder wrote
// in any chunking, and that damage is refused or leaves every file whole: never a short file in
// silence.
import { describe, expect, it } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { concatBytes } from "../../src/stream/byte-stream.ts";
import { encodeTarHeader, type TarHeader, tarPaddingBytes } from "../../src/tar/header.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = 300;

function generator(seed: number): (below: number) => number {
  return seededRandom(seed).below;
}

interface Entry {
  readonly header: TarHeader;
  readonly content: Uint8Array;
}

function randomEntry(random: (below: number) => number): Entry {
  const letters = random(4) === 0 ? "aé/ü漢" : "abcdef/._-0123456789";
  const name = Array.from({ length: 1 + random(random(5) === 0 ? 400 : 40) }, () => {
    return letters[random(letters.length)];
  }).join("");
  const kind = (["file", "file", "file", "directory", "symlink"] as const)[random(5)] ?? "file";
  const sizeBytes = kind === "file" ? random(random(3) === 0 ? 20_000 : 700) : 0;
  return {
    header: {
      name,
      kind,
      sizeBytes,
      mode: random(0o10000),
      uid: random(random(2) === 0 ? 1000 : 2 ** 31),
      gid: random(1000),
      userName: random(2) === 0 ? "" : "user",
      groupName: random(4) === 0 ? "gruppe-ä" : "",
      modifiedAtSeconds: random(2 ** 31),
      linkName: kind === "symlink" ? "x".repeat(1 + random(150)) : "",
    },
    content: Uint8Array.from({ length: sizeBytes }, () => random(256)),
  };
}

function encode(entries: readonly Entry[]): Uint8Array {
  const pieces = entries.flatMap(({ header, content }) => [
    encodeTarHeader(header),
    content,
    new Uint8Array(tarPaddingBytes(content.byteLength)),
  ]);
  return concatBytes([...pieces, new Uint8Array(1024)]);
}

function decode(bytes: Uint8Array, nextChunk: () => number): readonly Entry[] {
  const entries: Entry[] = [];
  let header: TarHeader | undefined;
  let chunks: Uint8Array[] = [];
  const reader = new TarReader(
    {
      begin: (begun) => {
        header = begun;
        chunks = [];
      },
      content: (chunk) => chunks.push(chunk.slice()),
      end: () => {
        if (header !== undefined) entries.push({ header, content: concatBytes(chunks) });
      },
    },
    { what: "fuzz" },
  );
  for (let offset = 0; offset < bytes.byteLength; ) {
    const end = offset + 1 + nextChunk();
    reader.push(bytes.subarray(offset, end));
    offset = end;
  }
  reader.finish();
  return entries;
}

describe(`tar round trip, FUZZ_SEED=${SEED}`, () => {
  it("gives back what was written, in any chunks", () => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = generator(SEED + round);
      const entries = Array.from({ length: random(8) }, () => randomEntry(random));
      const decoded = decode(encode(entries), () => random(3000));
      expect(decoded, `seed ${SEED + round}`).toEqual(entries);
    }
  });

  it("refuses a cut or a flipped bit, or gives whole files", () => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = generator(SEED + round);
      const entries = Array.from({ length: 1 + random(5) }, () => randomEntry(random));
      const bytes = encode(entries);
      const cut = bytes.subarray(0, random(bytes.byteLength));
      expect(() => decode(cut, () => 2000), `seed ${SEED + round}`).toThrow(CorruptObjectError);
      const flipped = bytes.slice();
      const position = random(bytes.byteLength);
      flipped[position] = (flipped[position] ?? 0) ^ (1 << random(8));
      try {
        for (const { header, content } of decode(flipped, () => 2000)) {
          expect(content.byteLength, `seed ${SEED + round}`).toBe(header.sizeBytes);
        }
      } catch (error) {
        expect(error, `seed ${SEED + round}`).toBeInstanceOf(CorruptObjectError);
      }
    }
  });
});
