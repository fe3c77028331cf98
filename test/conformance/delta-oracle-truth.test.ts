// Proves that the oracle's eyes see what they must and nothing else: pages of a real server with
// one change each, in two directories; and that a seed always gives the same statements.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compareTrees, falselyVisiblePages, type RelationMap } from "../support/page-truth.ts";
import type { PageMask } from "../support/page-truth-mask.ts";
import { joinedPages, samplePages } from "../support/pages.ts";
import { seededRandom } from "../support/random.ts";
import { makeScratch } from "../support/scratch.ts";
import { statementsOf } from "../support/workload-statements.ts";

const PATH = "base/5/1259";
const HEAP: RelationMap = new Map([
  [PATH, { name: "postgres.pg_class", kind: "heap", isLogged: true }],
]);
const PAGE_BYTES = 8192;

type Files = Readonly<Record<string, Uint8Array>>;

function directory(files: Files): string {
  const scratch = makeScratch("truth");
  onTestFinished(() => scratch[Symbol.dispose]());
  for (const folder of ["base", "global", "pg_tblspc"]) mkdirSync(join(scratch.path, folder));
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch.path, path)), { recursive: true });
    writeFileSync(join(scratch.path, path), bytes);
  }
  return scratch.path;
}

/** Blocks that differ between the files of a server and what came back. */
function differing(mask: PageMask, expected: Files, actual: Files, relations = HEAP) {
  const task = { expected: directory(expected), actual: directory(actual), mask, relations };
  return compareTrees(task).differences.map(({ path, block }) => `${path} ${block}`);
}

/** The second page of the sample with one change. */
async function changed(change: (page: DataView, tuple: number) => void): Promise<[Files, Files]> {
  const pages = await samplePages();
  const before = joinedPages(pages);
  const after = before.slice();
  const view = new DataView(after.buffer, PAGE_BYTES, PAGE_BYTES);
  const items = Array.from({ length: (view.getUint16(12, true) - 24) / 4 }, (_, index) =>
    view.getUint32(24 + index * 4, true),
  );
  const normal = items.find((item) => ((item >>> 15) & 3) === 1) ?? 0;
  change(view, normal & 0x7fff);
  return [{ [PATH]: before }, { [PATH]: after }];
}

const HINT = (view: DataView, tuple: number) =>
  view.setUint16(tuple + 20, view.getUint16(tuple + 20, true) ^ 0x0400, true);
const PRUNE_XID = (view: DataView) => view.setUint32(20, 12_345, true);
const ALL_VISIBLE = (view: DataView) => view.setUint16(10, view.getUint16(10, true) ^ 4, true);
const HOLE = (view: DataView) => view.setUint8(view.getUint16(12, true), 0x77);
const XMAX = (view: DataView, tuple: number) => view.setUint32(tuple + 4, 0xabc, true);
const COMMAND = (view: DataView, tuple: number) => view.setUint32(tuple + 8, 99, true);
const LSN = (view: DataView) => view.setUint32(4, 1, true);

test.each([
  ["a hint bit", HINT, ["exact"]],
  ["the prune xid", PRUNE_XID, ["exact"]],
  ["the all-visible flag", ALL_VISIBLE, ["exact", "hints", "replay"]],
  ["a byte of the hole", HOLE, ["exact", "hints"]],
  ["a tuple's xmax", XMAX, ["exact", "hints", "replay"]],
  ["a command id", COMMAND, ["exact", "hints"]],
  ["the LSN", LSN, ["exact", "hints", "replay"]],
] as const)("sees that %s differs where it counts", async (_what, change, seenBy) => {
  const [expected, actual] = await changed(change);
  for (const mask of ["exact", "hints", "replay"] as const) {
    const isSeen = (seenBy as readonly PageMask[]).includes(mask);
    expect([mask, differing(mask, expected, actual)]).toEqual([mask, isSeen ? [`${PATH} 1`] : []]);
  }
});

test("does not mask what is no heap as one", async () => {
  const [expected, actual] = await changed(HINT);
  expect(differing("hints", expected, actual, new Map())).toEqual([`${PATH} 1`]);
});

test("counts what is past the end of a file as zeros", async () => {
  const pages = await samplePages();
  const whole = joinedPages(pages);
  const longer = joinedPages([...pages, new Uint8Array(PAGE_BYTES)]);
  expect(differing("exact", { [PATH]: whole }, { [PATH]: longer })).toEqual([]);
  const shorter = joinedPages(pages.slice(0, -1));
  const last = [`${PATH} ${pages.length - 1}`];
  expect(differing("exact", { [PATH]: whole }, { [PATH]: shorter })).toEqual(last);
  expect(differing("exact", { [PATH]: shorter }, { [PATH]: whole })).toEqual(last);
});

test("names a file that one side lacks, and the LSNs of both", async () => {
  const pages = await samplePages();
  const files = { [PATH]: joinedPages(pages.slice(0, 1)) };
  expect(differing("exact", files, {})).toEqual([`${PATH} 0`]);
  expect(differing("exact", {}, files)).toEqual([`${PATH} 0`]);
});

test("leaves out unlogged relations but for their init forks", async () => {
  const page = joinedPages((await samplePages()).slice(0, 1));
  const other = page.slice().fill(1, 100);
  const expected = { [PATH]: page, [`${PATH}_init`]: page };
  expect(differing("exact", expected, { [PATH]: other, [`${PATH}_init`]: page })).toEqual([]);
  expect(differing("exact", expected, { [PATH]: page, [`${PATH}_init`]: other })).toEqual([
    `${PATH}_init 0`,
  ]);
});

test("sees a map that calls a page all-visible which does not say so", async () => {
  const heap = joinedPages(await samplePages());
  const view = new DataView(heap.buffer);
  view.setUint16(10, view.getUint16(10, true) | 4, true);
  view.setUint16(PAGE_BYTES + 10, view.getUint16(PAGE_BYTES + 10, true) & ~4, true);
  const map = new Uint8Array(PAGE_BYTES);
  map[24] = 0b0001;
  expect(falselyVisiblePages(directory({ [PATH]: heap, [`${PATH}_vm`]: map }))).toEqual([]);
  map[24] = 0b0101;
  expect(falselyVisiblePages(directory({ [PATH]: heap, [`${PATH}_vm`]: map }))).toEqual([
    `${PATH} block 1`,
  ]);
});

test("a seed gives every session the same statements each time", () => {
  const texts = (seed: number, session: number) => {
    const random = seededRandom(seed);
    const statements = statementsOf({ session, version: "17", random });
    return Array.from({ length: 300 }, () => JSON.stringify(statements.next().value));
  };
  expect(texts(5, 0)).toEqual(texts(5, 0));
  expect(texts(5, 1)).toEqual(texts(5, 1));
  expect(texts(6, 0)).not.toEqual(texts(5, 0));
});
