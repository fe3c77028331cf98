// One look at each page of a file: wrong checksums are told from torn reads and named, whatever the
// header says, and a file that becomes shorter meanwhile loses only what is gone.
import { describe, expect, test } from "vitest";
import type { FileMark } from "../../../../src/database/postgres/file-mark.ts";
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
import { withChecksums } from "../../../support/pages.ts";

const PAGE = 8192;

describe("page checksums", () => {
  const reading = readingOf({ checksPages: true });

  test("a corrupt page is stored and named though its LSN is old", async () => {
    using chain = new Chain(reading);
    for (const pageCount of [20, 300]) {
      chain.write(TABLE, withChecksums(table(pageCount)));
      await chain.full(TABLE);
      const content = withChecksums(table(pageCount, [1]));
      content[15 * PAGE + 4000] = (content[15 * PAGE + 4000] ?? 0) ^ 1;
      chain.write(TABLE, content);
      const result = await chain.delta(TABLE);
      expect(blocksOf(result)).toEqual([1, 15]);
      expect(result).toMatchObject({ corruptBlocks: [15] });
    }
  });

  test("one with a header that is none is named too, and the rest goes by its LSNs", async () => {
    using chain = new Chain(reading);
    chain.write(TABLE, withChecksums(table(20)));
    await chain.full(TABLE);
    const content = withChecksums(table(20, [1]));
    content.fill(0xff, 15 * PAGE, 15 * PAGE + 24);
    chain.write(TABLE, content);
    const result = await chain.delta(TABLE);
    expect(blocksOf(result)).toEqual([1, 15]);
    expect(result).toMatchObject({ corruptBlocks: [15] });
  });

  test("a torn page that is whole when read again is not corrupt", async () => {
    using chain = new Chain(reading);
    const content = withChecksums(table(20));
    chain.write(TABLE, content);
    await chain.full(TABLE);
    let reads = 0;
    const torn = content.slice();
    torn[4 * PAGE + 5000] = 1;
    const readAt: FileReading["readAt"] = (_descriptor, target, position) => {
      reads += 1;
      const piece = (reads === 1 ? torn : content).subarray(position, position + target.byteLength);
      target.set(piece);
      return piece.byteLength;
    };
    const planner = chain.planner({ reading: readingOf({ checksPages: true, readAt }) });
    const plan = await planner.plan(chain.entry(TABLE), new ScanBuffers());
    expect(reads).toBe(2);
    expect(await outcome(plan)).toBe("unchanged");
  });

  test("a fork that is corrupt as in the parent is stored and named again", async () => {
    using chain = new Chain(reading);
    const name = "/base/5/16384_vm";
    const content = withChecksums(table(3));
    content[PAGE + 4000] = (content[PAGE + 4000] ?? 0) ^ 1;
    chain.write(name, content);
    await chain.full(name);
    chain.files.add(name, { ...(chain.files.mark(name) as FileMark), state: 0n });
    expect(await chain.delta(name)).toMatchObject({ kind: "whole", corruptBlocks: [1] });
  });
});

test("a file that shrinks during the scan loses the pages that are gone", async () => {
  using chain = new Chain();
  const content = table(300, [1, 200, 299]);
  chain.write(TABLE, content);
  chain.files.add(TABLE);
  const readAt: FileReading["readAt"] = (_descriptor, target, position) => {
    const end = position === 0 ? content.byteLength : 130 * PAGE;
    const piece = content.subarray(position, Math.min(end, position + target.byteLength));
    target.set(piece);
    return piece.byteLength;
  };
  const planner = chain.planner({ reading: readingOf({ readAt }) });
  const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
  expect(blocksOf(result)).toEqual([1]);
  expect((result as Stored).content.readBigUInt64LE(4)).toBe(BigInt(300 * PAGE));
});
