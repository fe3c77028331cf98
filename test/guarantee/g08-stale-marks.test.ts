// A mark of an earlier run never stands in for the storage that is configured now: marks of
// another storage and WAL-G's empty marks are not believed. Run with the compiled binary.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(14, "middle");

test.each([
  ["empty, as WAL-G writes them", ""],
  ["of another storage", "file:///somewhere/else\n"],
  ["damaged", "\0\0\0"],
])("G08 a mark that is %s does not count", async (_, content) => {
  using archive = new WalArchive("g08");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  mkdirSync(join(archive.walDir, "walg_data", "walg_archive_status"), { recursive: true });
  archive.write(`pg_wal/walg_data/walg_archive_status/${golden.name}`, content);
  expect((await archive.push(golden.name)).exitCode).toBe(0);
  expect(archive.stored()).toEqual([`${golden.name}.zst`]);
});

test("G08 a failure leaves no trace that the next call would trip over", async () => {
  using archive = new WalArchive("g08");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const nowhere = { settings: { WALG_FILE_PREFIX: "/nonexistent/place" } };
  expect((await archive.push(golden.name, nowhere)).exitCode).not.toBe(0);
  expect((await archive.push(golden.name)).exitCode).toBe(0);
});
