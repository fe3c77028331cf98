// The increment of a file that changes after its pages were chosen has the promised size and the
// newer pages; only chosen pages are read.
import { truncateSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ScanBuffers } from "../../../../src/database/postgres/file-scan.ts";
import type { FileReading } from "../../../../src/database/postgres/opened-file.ts";
import {
  blocksOf,
  Chain,
  outcome,
  readingOf,
  type Stored,
  TABLE,
  table,
} from "../../../support/delta-chain.ts";
import { madePage } from "../../../support/pages.ts";

const PAGE = 8192;

describe("a file that changes after the scan", () => {
  test("and shrinks after the scan keeps its promised size, with zeros", async () => {
    using chain = new Chain();
    const path = chain.write(TABLE, table(300));
    await chain.full(TABLE);
    const content = table(300, [1, 200, 299]);
    chain.write(TABLE, content);
    const plan = await chain.planner().plan(chain.entry(TABLE), new ScanBuffers());
    truncateSync(path, 150 * PAGE);
    const result = await outcome(plan);
    expect(blocksOf(result)).toEqual([1, 200, 299]);
    const pages = (result as Stored).content.subarray(16 + 12);
    expect(pages.subarray(0, PAGE).equals(content.subarray(PAGE, 2 * PAGE))).toBe(true);
    expect(pages.subarray(PAGE).every((byte) => byte === 0)).toBe(true);
  });

  test("and grows keeps the size that it had when it was opened", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(300));
    await chain.full(TABLE);
    chain.write(TABLE, table(300, [5]));
    const plan = await chain.planner().plan(chain.entry(TABLE), new ScanBuffers());
    chain.write(TABLE, table(400, [5, 399]));
    const result = await outcome(plan);
    expect(blocksOf(result)).toEqual([5]);
    expect((result as Stored).content.readBigUInt64LE(4)).toBe(BigInt(300 * PAGE));
  });

  test("and has a page changed after the scan is stored with the newer page", async () => {
    using chain = new Chain();
    chain.write(TABLE, table(300));
    await chain.full(TABLE);
    chain.write(TABLE, table(300, [5]));
    const plan = await chain.planner().plan(chain.entry(TABLE), new ScanBuffers());
    const newer = table(300, [5]);
    newer.set(madePage(500n, 0x11), 5 * PAGE);
    chain.write(TABLE, newer);
    const result = await outcome(plan);
    const page = (result as Stored).content.subarray(16 + 4);
    expect(page.equals(newer.subarray(5 * PAGE, 6 * PAGE))).toBe(true);
  });
});

test("only the chosen blocks are read", async () => {
  using chain = new Chain();
  const content = table(300);
  chain.write(TABLE, content);
  await chain.full(TABLE);
  const read: number[] = [];
  const readAt: FileReading["readAt"] = (_descriptor, target, position) => {
    for (let at = 0; at < target.byteLength; at += PAGE) read.push((position + at) / PAGE);
    const piece = content.subarray(position, position + target.byteLength);
    target.set(piece);
    return piece.byteLength;
  };
  const planner = chain.planner({
    // Blocks past the end were cut off since.
    record: { finder: "wal-summaries", changedBlocks: () => Uint32Array.of(7, 8, 250, 300, 900) },
    reading: readingOf({ readAt }),
  });
  const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
  expect(blocksOf(result)).toEqual([7, 8, 250]);
  expect(read).toEqual([7, 8, 250]);
});
