// The union of summaries names every block that any of them names or that lies past a limit,
// in whatever order they are added, and stays small for many relations.
import { expect, test } from "vitest";
import { relationFileOf } from "../../../src/delta/relation-file.ts";
import { readWalSummary } from "../../../src/delta/wal-summary.ts";
import { SummaryRecord } from "../../../src/delta/wal-summary-record.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { goldenSummaries } from "../../support/golden-summaries.ts";

interface Change {
  readonly relation: number;
  readonly database?: number;
  readonly fork?: number;
  readonly limitBlock?: number;
  readonly blocks?: readonly number[];
}

function add(record: SummaryRecord, change: Change): void {
  const { relation, database = 5, fork = 0, limitBlock, blocks = [] } = change;
  record.entry({ tablespace: 1663, database, relation, fork, limitBlock });
  for (const block of blocks) record.block(block);
}

function recordOf(changes: readonly Change[]): SummaryRecord {
  const record = new SummaryRecord({ pageBytes: 8192 });
  for (const change of changes) add(record, change);
  return record;
}

function changed(record: SummaryRecord, path: string, blockCount: number) {
  const file = relationFileOf(path);
  if (file === undefined) throw new Error(`${path}: no relation file`);
  const blocks = record.changedBlocks(file, blockCount);
  return blocks === "all" ? blocks : [...blocks];
}

test("names the blocks of each segment, counted from its start", () => {
  const record = recordOf([{ relation: 9, blocks: [3, 131_071, 131_072, 200_000, 1] }]);
  expect(changed(record, "base/5/9", 131_072)).toEqual([1, 3, 131_071]);
  expect(changed(record, "base/5/9.1", 100_000)).toEqual([0, 68_928]);
  expect(changed(record, "base/5/9.1", 1)).toEqual([0]);
  expect(changed(record, "base/5/9.2", 100)).toEqual([]);
  expect(changed(record, "base/5/8", 100)).toEqual([]);
  expect(changed(record, "base/6/9", 100)).toEqual([]);
  expect(changed(record, "pg_tblspc/16400/PG_17_202406281/5/9", 100)).toEqual([]);
});

test("blocks from the limit on have changed, named or not", () => {
  const record = recordOf([{ relation: 9, limitBlock: 4, blocks: [1, 6] }]);
  expect(changed(record, "base/5/9", 7)).toEqual([1, 4, 5, 6]);
  expect(changed(record, "base/5/9", 4)).toEqual([1]);
  expect(changed(record, "base/5/9.1", 7)).toBe("all");
  const inSecond = recordOf([{ relation: 9, limitBlock: 131_075, blocks: [0, 131_073] }]);
  expect(changed(inSecond, "base/5/9", 131_072)).toEqual([0]);
  expect(changed(inSecond, "base/5/9.1", 5)).toEqual([1, 3, 4]);
  expect(changed(recordOf([{ relation: 9, limitBlock: 0 }]), "base/5/9", 7)).toBe("all");
});

test("the least limit counts and no order loses a block", () => {
  const changes: readonly Change[] = [
    { relation: 9, blocks: [2, 20] },
    { relation: 9, limitBlock: 10, blocks: [3] },
    { relation: 9, limitBlock: 15, blocks: [30, 4] },
    { relation: 7, blocks: [1] },
    { relation: 7, limitBlock: 0, blocks: [5] },
  ];
  const orders = [changes, changes.toReversed(), [...changes.slice(2), ...changes.slice(0, 2)]];
  for (const order of orders) {
    const record = recordOf(order);
    expect(changed(record, "base/5/9", 13)).toEqual([2, 3, 4, 10, 11, 12]);
    expect(changed(record, "base/5/7", 13)).toBe("all");
  }
});

test("a database that was made anew is whole, before and after", () => {
  const whole: Change = { relation: 0, limitBlock: 0 };
  for (const order of [
    [whole, { relation: 9, blocks: [1] }],
    [{ relation: 9, blocks: [1] }, whole],
  ]) {
    const record = recordOf([...order, { relation: 9, database: 6, blocks: [1] }]);
    expect(changed(record, "base/5/9", 7)).toBe("all");
    expect(changed(record, "base/5/10", 7)).toBe("all");
    expect(changed(record, "base/6/9", 7)).toEqual([1]);
  }
});

test("other forks and files longer than a segment are whole", () => {
  const record = recordOf([
    { relation: 9, fork: 2, limitBlock: 0, blocks: [1] },
    { relation: 9, fork: 3, limitBlock: 0 },
  ]);
  expect(changed(record, "base/5/9", 7)).toEqual([]);
  for (const fork of ["fsm", "vm", "init"]) {
    expect(changed(record, `base/5/9_${fork}`, 7)).toBe("all");
  }
  expect(changed(record, "base/5/9", 131_073)).toBe("all");
});

test.each(goldenSummaries())("$majorVersion: $name gives what the server says", async (golden) => {
  const record = new SummaryRecord({ pageBytes: 8192 });
  const { signal } = new AbortController();
  await readWalSummary(bytesSource(golden.bytes).open(signal), golden.name, record);
  let checked = 0;
  for (const line of golden.contents) {
    const [tablespace, database, relation, fork, isLimit, block] = line.split(" ");
    if (tablespace !== "1663" || fork !== "0" || Number(block) >= 131_072) continue;
    const path = `base/${database}/${relation === "0" ? "1259" : relation}`;
    if (isLimit === "t" && block === "0") {
      expect(changed(record, path, 8)).toBe("all");
    } else if (checked < 500 || checked % 997 === 0) {
      const blocks = changed(record, path, Number(block) + 1);
      expect(blocks === "all" || blocks.at(-1) === Number(block)).toBe(true);
    }
    checked += 1;
  }
  expect(checked).toBeGreaterThan(0);
});

test("100,000 relations with a few blocks each stay within 40 MiB", () => {
  Bun.gc(true);
  const before = process.memoryUsage();
  const record = new SummaryRecord({ pageBytes: 8192 });
  for (let round = 0; round < 3; round += 1) {
    for (let relation = 16_384; relation < 116_384; relation += 1) {
      add(record, { relation, blocks: [round, round + 7] });
    }
  }
  Bun.gc(true);
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  expect(grown).toBeLessThan(40 << 20);
  expect(changed(record, "base/5/100000", 100)).toEqual([0, 1, 2, 7, 8, 9]);
});
