// Summaries of real servers say what the server's own function says of them; cut, changed and
// contradicting ones are refused by name.
import { expect, test } from "vitest";
import { crc32c } from "../../../src/base/crc32c.ts";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { BlockSet } from "../../../src/delta/block-set.ts";
import { readWalSummary, type SummaryTarget } from "../../../src/delta/wal-summary.ts";
import { goldenSummaries } from "../../support/golden-summaries.ts";

const NAME = "some.summary";
const IGNORED: SummaryTarget = { entry: () => {}, block: () => {}, bitmap: () => {} };

async function* chunksOf(bytes: Uint8Array, chunkBytes: number) {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    // A copy that is overwritten afterwards: nothing may be kept of what was given out.
    const chunk = bytes.slice(at, at + chunkBytes);
    yield chunk;
    chunk.fill(0xaa);
  }
}

function read(bytes: Uint8Array, target: SummaryTarget = IGNORED, chunkBytes = 1 << 16) {
  return readWalSummary(chunksOf(bytes, chunkBytes), NAME, target);
}

/** Lines as in the golden contents, of what a reader gets. */
class Lines implements SummaryTarget {
  readonly lines: string[] = [];
  #prefix = "";
  entry(entry: Parameters<SummaryTarget["entry"]>[0]): void {
    const { tablespace, database, relation, fork, limitBlock } = entry;
    this.#prefix = `${tablespace} ${database} ${relation} ${fork}`;
    if (limitBlock !== undefined) this.lines.push(`${this.#prefix} t ${limitBlock}`);
  }
  block(block: number): void {
    this.lines.push(`${this.#prefix} f ${block}`);
  }
  bitmap(chunkIndex: number, bitmap: Uint8Array): void {
    const set = new BlockSet();
    set.addBitmap(chunkIndex, bitmap);
    for (const block of set.between(0, 2 ** 32)) this.block(block);
  }
}

test("there are summaries of 17 and 18, with lists and bitmaps", () => {
  const goldens = goldenSummaries();
  expect(goldens.map(({ majorVersion }) => majorVersion)).toEqual([17, 17, 17, 18, 18, 18]);
  expect(Math.max(...goldens.map(({ contents }) => contents.length))).toBeGreaterThan(66_000);
});

test.each(goldenSummaries())("$majorVersion: $name says what the server says", async (golden) => {
  for (const chunkBytes of [1 << 20, 1000, 1]) {
    const target = new Lines();
    await read(golden.bytes, target, chunkBytes);
    expect(target.lines).toEqual(golden.contents);
  }
});

/** All positions of a short file, some thousand of a long one. */
function positions(bytes: Uint8Array): number[] {
  const step = Math.max(1, Math.floor(bytes.byteLength / 1500));
  const all = Array.from({ length: bytes.byteLength }, (_, at) => at);
  return all.filter((at) => at < 300 || at % step === 0 || at > bytes.byteLength - 40);
}

test.each(goldenSummaries())("$majorVersion: every prefix of $name is refused", async (golden) => {
  for (const length of positions(golden.bytes)) {
    const reading = read(golden.bytes.subarray(0, length));
    await expect(reading).rejects.toThrow(/^some.summary: not a whole WAL summary: ends after/);
  }
});

test.each(goldenSummaries())("$majorVersion: a flipped bit of $name is seen", async (golden) => {
  const bytes = golden.bytes.slice();
  for (const at of positions(bytes)) {
    const before = bytes[at] ?? 0;
    bytes[at] = before ^ (1 << (at % 8));
    await expect(read(bytes), `byte ${at}`).rejects.toThrow(CorruptObjectError);
    bytes[at] = before;
  }
  await read(bytes);
});

/** A summary with these numbers, and a right checksum. */
function summary(entries: readonly (readonly number[])[], magic = 0x652b137b): Uint8Array {
  const body: number[] = [magic, ...entries.flat(), 0, 0, 0, 0, 0, 0];
  const bytes = new Uint8Array(body.length * 4 + 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of body.entries()) view.setUint32(index * 4, value, true);
  view.setUint32(body.length * 4, crc32c(bytes.subarray(0, body.length * 4)), true);
  return bytes;
}

test("a summary without entries is whole, and bytes after it are not", async () => {
  await read(summary([]));
  const longer = new Uint8Array([...summary([]), 0]);
  await expect(read(longer)).rejects.toThrow("some.summary: not a whole WAL summary: bytes follow");
});

test.each([
  [[], 0x652b137c, /unknown magic 652b137c/],
  [[[1663, 5, 9, 4, 0, 0]], undefined, /unknown fork 4/],
  [[[1663, 5, 9, 0, 0, 65_537]], undefined, /relation 1663\/5\/9 claims 65537 chunks/],
  // One chunk of 4097 numbers.
  [[[1663, 5, 9, 0, 0, 1], [4097]], undefined, /relation 1663\/5\/9 has a chunk of 4097/],
  [
    [
      [1663, 5, 9, 0, 0, 0],
      [1663, 5, 8, 0, 0, 0],
    ],
    undefined,
    /relation 1663\/5\/8 is out of order/,
  ],
  [
    [
      [1663, 5, 9, 0, 0, 0],
      [1663, 5, 9, 0, 0, 0],
    ],
    undefined,
    /relation 1663\/5\/9 is out of order/,
  ],
] as const)("refuses %j, magic %s", async (entries, magic, message) => {
  await expect(read(summary(entries, magic))).rejects.toThrow(message);
});
