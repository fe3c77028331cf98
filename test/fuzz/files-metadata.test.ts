// Random files_metadata.json documents come back as they were written, in any chunks; changed ones
// are read or refused as damaged, and never cut short unnoticed. The seed is in the titles.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { UTC_ZONE } from "../../src/base/local-zone.ts";
import type { FileMark } from "../../src/database/postgres/file-mark.ts";
import type { FileFacts } from "../../src/database/postgres/files-metadata.ts";
import { FilesMetadataWriter } from "../../src/database/postgres/files-metadata-writer.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import { loadFilesMetadata } from "../support/loaded-metadata.ts";
import { cutAtRandom, mutatedBytes } from "../support/mutation.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150);
const SIGNAL = new AbortController().signal;
const NAMES = ["base", "5", "é\u{1f600}", 'a"b', "back\\slash", "{}", "[,]:", "\u0001", "Files"];

function randomFacts(random: Random): FileFacts {
  const kind = random.below(3);
  const some = [1, 7, 131_071].slice(0, random.below(4));
  return {
    isIncremented: kind === 1,
    isSkipped: kind === 2,
    mtimeNs: random.bits64() >> 1n,
    corruptBlocks: some.length === 0 ? undefined : { count: 5, some },
    mark: random.below(2) === 0 ? undefined : randomMark(random),
    updatesCount: random.bits64(),
  };
}

function randomMark(random: Random): FileMark {
  const kind = random.pick(["none", "identity", "content"] as const);
  return { state: random.bits64(), kind, value: kind === "none" ? 0n : random.bits64() };
}

async function randomDocument(random: Random) {
  const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
  const files = new Map<string, FileFacts>();
  for (let left = random.below(8); left > 0; left -= 1) {
    files.set(`/${random.pick(NAMES)}/${random.pick(NAMES)}`, randomFacts(random));
  }
  for (const [name, facts] of files) writer.addFile(name, facts);
  const parts = new Map<string, readonly string[]>();
  for (let part = 1; part <= random.below(4); part += 1) {
    parts.set(`part_${part}.tar.zst`, [...files.keys()].slice(0, random.below(4)));
    writer.addPart(`part_${part}.tar`, parts.get(`part_${part}.tar.zst`) ?? []);
  }
  const bytes = await collect(writer.finish(".zst").open(SIGNAL), 1e6);
  return { bytes: new Uint8Array(bytes), files, parts };
}

async function* chunks(pieces: readonly Uint8Array[]) {
  yield* pieces;
}

test(`documents come back as written, in any chunks (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, files, parts } = await randomDocument(random);
    const pieces = cutAtRandom(random, bytes, random.pick([1, 20, 1000]));
    const read = await loadFilesMetadata(chunks(pieces), "x");
    expect(read.files).toEqual(files);
    expect(read.parts).toEqual(parts);
  }
});

test(`a cut document is refused (seed ${SEED})`, async () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes } = await randomDocument(random);
    const cut = bytesSource(bytes.slice(0, random.below(bytes.byteLength)));
    await expect(loadFilesMetadata(cut.open(SIGNAL), "x")).rejects.toThrow(CorruptObjectError);
  }
});

test(`changed documents are read or refused as damaged (seed ${SEED})`, async () => {
  const random = seededRandom(SEED + 2);
  for (let round = 0; round < ROUNDS * 10; round += 1) {
    const { bytes } = await randomDocument(random);
    const changed = bytesSource(mutatedBytes(random, bytes));
    try {
      const { files } = await loadFilesMetadata(changed.open(SIGNAL), "x");
      for (const facts of files.values()) expect(facts.mtimeNs).toBeTypeOf("bigint");
    } catch (error) {
      expect(error).toBeInstanceOf(CorruptObjectError);
    }
  }
});
