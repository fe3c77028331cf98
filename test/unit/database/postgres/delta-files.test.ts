// What a delta stores of each file, decided on real files against a parent's list: hazards that
// fool times of modification, LSNs and sizes, and files that are not made of pages with LSNs.
import { renameSync, rmSync, statSync, truncateSync, utimesSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ScanBuffers } from "../../../../src/database/postgres/file-scan.ts";
import type { ChangedBlocks, ChangeRecord } from "../../../../src/delta/changed-pages.ts";
import {
  blocksOf,
  Chain,
  outcome,
  readingOf,
  type Stored,
  TABLE,
  table,
} from "../../../support/delta-chain.ts";
import { joinedPages, madePage } from "../../../support/pages.ts";

const PAGE = 8192;

describe("a relation", () => {
  test.each([20, 300])("of %i pages is stored as its changed pages", async (pageCount) => {
    using chain = new Chain();
    chain.write(TABLE, table(pageCount));
    await chain.full(TABLE);
    const changed = [0, 7, 8, pageCount - 1];
    const content = table(pageCount, changed);
    chain.write(TABLE, content);
    const result = await chain.delta(TABLE);
    expect(blocksOf(result)).toEqual(changed);
    const pages = changed.map((block) => content.subarray(block * PAGE, (block + 1) * PAGE));
    const expected = Buffer.concat(pages);
    expect((result as Stored).content.subarray(16 + 4 * changed.length).equals(expected)).toBe(
      true,
    );
    expect((result as Stored).content.readBigUInt64LE(4)).toBe(BigInt(content.byteLength));
  });

  test("is looked at though size and time of modification are those of the parent", async () => {
    using chain = new Chain();
    const path = chain.write(TABLE, table(20));
    const time = new Date("2026-01-01T00:00:00Z");
    utimesSync(path, time, time);
    await chain.full(TABLE);
    const before = chain.entry(TABLE);
    chain.write(TABLE, table(20, [3]));
    utimesSync(path, time, time);
    expect(blocksOf(await chain.delta(TABLE))).toEqual([3]);
    // Even where all times are the same, as after a write within one tick of the clock.
    expect(blocksOf(await chain.delta(TABLE, before))).toEqual([3]);
  });

  test("without a change is not stored, unless its parent says nothing of it", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    await chain.full(TABLE);
    expect(await chain.delta(TABLE)).toBe("unchanged");
    chain.files.add(TABLE);
    expect(blocksOf(await chain.delta(TABLE))).toEqual([]);
  });

  test("that became shorter and was not changed is an increment: it has the new size", async () => {
    using chain = new Chain();
    const path = chain.write(TABLE, table(20));
    await chain.full(TABLE);
    truncateSync(path, 3 * PAGE);
    const result = await chain.delta(TABLE);
    expect(blocksOf(result)).toEqual([]);
    expect((result as Stored).content.readBigUInt64LE(4)).toBe(BigInt(3 * PAGE));
  });

  test("has its new pages, also those that are legitimately zero", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    await chain.full(TABLE);
    const content = new Uint8Array(24 * PAGE);
    content.set(table(20));
    content.fill(0, 5 * PAGE, 6 * PAGE);
    content.set(madePage(200n), 21 * PAGE);
    chain.write(TABLE, content);
    expect(blocksOf(await chain.delta(TABLE))).toEqual([5, 20, 21, 22, 23]);
  });

  test.each<[string, string]>([
    ["a later segment", "/base/5/16384.1"],
    ["a tablespace", "/pg_tblspc/16500/PG_17_202406281/5/16384"],
  ])("of %s is stored as increments too", async (_, name) => {
    using chain = new Chain();
    chain.write(name, table(20));
    await chain.full(name);
    chain.write(name, table(20, [4]));
    expect(blocksOf(await chain.delta(name))).toEqual([4]);
  });
});

describe("a relation is stored whole", () => {
  test("when the parent has none of that name", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    expect(await chain.delta(TABLE)).toMatchObject({ kind: "whole" });
  });

  test("when another file has taken its name, whatever its pages and its time say", async () => {
    using chain = new Chain();
    const path = chain.write(TABLE, table(20));
    const { atime, mtime } = statSync(path);
    await chain.full(TABLE);
    const other = chain.write(
      "/copy",
      joinedPages(Array.from({ length: 20 }, () => madePage(50n, 9))),
    );
    utimesSync(other, atime, mtime);
    renameSync(other, path);
    const planner = chain.planner();
    const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
    expect(result).toMatchObject({ kind: "whole" });
    expect(planner.counts.replaced).toBe(1);
  });

  test("when WAL-G wrote the parent, and the file was born after it", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20, [2]));
    chain.files.add(TABLE);
    const entry = chain.entry(TABLE);
    const at = async (startedAtNs: bigint) =>
      outcome(await chain.planner({ startedAtNs }).plan(entry, new ScanBuffers()));
    expect(entry.bornAtNs).not.toBe(0n);
    expect(await at(entry.bornAtNs)).toMatchObject({ kind: "whole" });
    expect(blocksOf(await at(entry.bornAtNs + 1n))).toEqual([2]);
    const unknown = chain.entry(TABLE, { bornAtNs: 0n });
    const plan = await chain.planner({ startedAtNs: 9n }).plan(unknown, new ScanBuffers());
    expect(await outcome(plan)).toMatchObject({ kind: "whole" });
  });

  test("when a page has a header that no server writes", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    await chain.full(TABLE);
    const content = table(20, [2]);
    content[9 * PAGE + 11] = 0xff;
    chain.write(TABLE, content);
    const planner = chain.planner();
    const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
    expect(result).toMatchObject({ kind: "whole" });
    expect((result as Stored).content.equals(content)).toBe(true);
    expect(planner.counts.unjudged).toBe(1);
  });

  test.each([
    [
      "most of its pages changed",
      table(
        20,
        Array.from({ length: 20 }, (_, block) => block),
      ),
    ],
    ["its last page is not complete", table(20, [2]).subarray(0, 19 * PAGE + 100)],
    ["it is empty", new Uint8Array(0)],
  ])("when %s", async (_, content) => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    await chain.full(TABLE);
    chain.write(TABLE, content);
    const result = await chain.delta(TABLE);
    expect(result).toMatchObject({ kind: "whole" });
    expect((result as Stored).content.equals(content)).toBe(true);
  });
});

describe("pages without LSN", () => {
  test.each([
    "/base/5/16384_fsm",
    "/base/5/16384_vm",
    "/base/5/16384_init",
    "/base/5/16384_fsm.1",
    "/global/1262",
  ])("%s is whole or not stored, never an increment", async (name) => {
    using chain = new Chain();
    chain.write(name, table(20));
    await chain.full(name);
    expect(await chain.delta(name)).toBe("unchanged");
    // No LSN tells of the change.
    const content = table(20);
    content[3 * PAGE + 4000] = 1;
    chain.write(name, content);
    const result = await chain.delta(name);
    expect(result).toMatchObject({ kind: "whole" });
    expect((result as Stored).content.equals(content)).toBe(true);
  });

  test("an unlogged relation is whole, also once it has become logged, or unlogged", async () => {
    const content = table(20);
    content[3 * PAGE + 4000] = 1;
    for (const [before, after] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      using chain = new Chain();
      chain.write(TABLE, table(20));
      await chain.full(TABLE, { isUnlogged: before });
      if (before) chain.files.add(`${TABLE}_init`);
      chain.write(TABLE, content);
      const result = await chain.delta(TABLE, { isUnlogged: after });
      expect(result).toMatchObject({ kind: "whole" });
      expect((result as Stored).content.equals(content)).toBe(true);
    }
  });
});

describe("another file", () => {
  const NAME = "/postgresql.conf";

  test("that nothing wrote to is not even opened", async () => {
    using chain = new Chain();
    chain.write(NAME, "one");
    await chain.full(NAME);
    const entry = chain.entry(NAME, { localPath: "/nowhere" });
    const plan = await chain.planner().plan(entry, new ScanBuffers());
    expect(plan).toMatchObject({ kind: "unchanged", mark: chain.files.mark(NAME) });
  });

  test("is compared where its times are fresh, or were when the parent was taken", async () => {
    using chain = new Chain();
    chain.write(NAME, "one");
    await chain.full(NAME);
    const fresh = readingOf({
      clock: { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} },
    });
    const at = async () =>
      outcome(await chain.planner({ reading: fresh }).plan(chain.entry(NAME), new ScanBuffers()));
    expect(await at()).toBe("unchanged");
    chain.write(NAME, "two");
    const result = await at();
    expect(result).toMatchObject({ kind: "whole" });
    expect(String((result as Stored).content)).toBe("two");
    chain.files.add(NAME, {
      state: 0n,
      kind: "content",
      value: chain.files.mark(NAME)?.value ?? 0n,
    });
    expect(await chain.delta(NAME)).toMatchObject({ kind: "whole" });
    chain.write(NAME, "one");
    expect(await chain.delta(NAME)).toBe("unchanged");
  });

  test("with another content is stored though its size and time of modification are", async () => {
    using chain = new Chain();
    const time = new Date("2026-01-01T00:00:00Z");
    const path = chain.write(NAME, "one");
    utimesSync(path, time, time);
    await chain.full(NAME);
    let entry = chain.entry(NAME);
    const { changedAtNs } = entry;
    while (entry.changedAtNs === changedAtNs) {
      chain.write(NAME, "two");
      utimesSync(path, time, time);
      entry = chain.entry(NAME);
    }
    expect(await chain.delta(NAME)).toMatchObject({ kind: "whole" });
  });

  test("that is large and was written to is stored without being compared", async () => {
    using chain = new Chain();
    chain.write(NAME, new Uint8Array(3 << 20));
    await chain.full(NAME);
    const path = chain.write(NAME, new Uint8Array(3 << 20));
    utimesSync(path, new Date(0), new Date(0));
    expect(await chain.delta(NAME)).toMatchObject({ kind: "whole" });
  });

  test("without a hash in the parent is stored whole", async () => {
    using chain = new Chain();
    chain.write(NAME, "one");
    chain.files.add(NAME);
    expect(await chain.delta(NAME)).toMatchObject({ kind: "whole" });
  });
});

test("a file that vanishes is left out", async () => {
  using chain = new Chain();
  for (const name of [TABLE, "/postgresql.conf", "/new"]) {
    const path = chain.write(name, table(2));
    if (name !== "/new") chain.files.add(name);
    const entry = chain.entry(name);
    rmSync(path);
    expect(await chain.planner().plan(entry, new ScanBuffers())).toBeUndefined();
  }
});

describe("with a record of changes", () => {
  const recordOf = (changed: ChangedBlocks): ChangeRecord => ({
    finder: "wal-summaries",
    changedBlocks: () => changed,
  });

  test("a relation that was made again is whole", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(20));
    await chain.full(TABLE);
    const planner = chain.planner({ record: recordOf("all") });
    const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
    expect(result).toMatchObject({ kind: "whole" });
  });

  test("a file without recorded change is not opened, unless its size may be another", async () => {
    using chain = new Chain();
    const path = chain.write(TABLE, table(20));
    await chain.full(TABLE);
    const planner = chain.planner({ record: recordOf(new Uint32Array(0)) });
    const away = chain.entry(TABLE, { localPath: "/nowhere" });
    expect(await planner.plan(away, new ScanBuffers())).toMatchObject({
      kind: "unchanged",
      mark: chain.files.mark(TABLE),
    });
    truncateSync(path, 8 * PAGE);
    const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
    expect(blocksOf(result)).toEqual([]);
    expect((result as Stored).content.readBigUInt64LE(4)).toBe(BigInt(8 * PAGE));
  });
});

const MAP = `${TABLE}_vm`;
const VISIBLE = Array.from({ length: 20 }, (_, block) => block);

/** Of a server that logs hints or not. */
async function scanned(chain: Chain, hasSilentChanges: boolean) {
  const planner = chain.planner({ hasSilentChanges });
  const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
  return result === "unchanged" ? result : blocksOf(result);
}

async function chainOf(): Promise<Chain> {
  const chain = new Chain();
  const pages = table(40);
  // Of half of the pages somebody may not see all rows.
  for (let block = 20; block < 40; block += 1) pages[block * 8192 + 10] = 0;
  chain.write(TABLE, pages);
  await chain.full(TABLE);
  return chain;
}

test("a map with newer pages brings the pages that all see, where hints leave no LSN", async () => {
  using chain = await chainOf();
  expect(await scanned(chain, true)).toBe("unchanged");
  chain.write(MAP, joinedPages([madePage(99n, 1), madePage(99n, 1)]));
  expect(await scanned(chain, true)).toBe("unchanged");
  chain.write(MAP, joinedPages([madePage(99n, 1), madePage(100n, 1)]));
  expect(await scanned(chain, true)).toEqual(VISIBLE);
  expect(await scanned(chain, false)).toBe("unchanged");
});

test("a map whose pages say nothing counts as newer", async () => {
  using chain = await chainOf();
  chain.write(MAP, new Uint8Array(8192));
  expect(await scanned(chain, true)).toEqual(VISIBLE);
  chain.write(MAP, madePage(0n, 1));
  expect(await scanned(chain, true)).toEqual(VISIBLE);
});

test("the map of a relation is that of its further segments too", async () => {
  using chain = new Chain();
  const segment = `${TABLE}.1`;
  chain.write(segment, joinedPages([madePage(2n), madePage(2n), madePage(2n)]));
  await chain.full(segment);
  chain.write(MAP, madePage(100n, 1));
  const planner = chain.planner({ hasSilentChanges: true });
  const plan = await planner.plan(chain.entry(segment), new ScanBuffers());
  // Three of three pages: whole is smaller than an increment of them.
  expect(plan?.kind).toBe("whole");
  if (plan !== undefined && plan.kind !== "unchanged") plan.close();
});
