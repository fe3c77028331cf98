// History, .backup and .partial files are archived and come back, are never taken for segments,
// and are checked in their own way; run with the compiled binary.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(15, "middle");
const HISTORY = "1\t0/B00000\tno recovery target specified\n";
const BACKUP =
  `START WAL LOCATION: 0/A00028 (file ${golden.name})\n` +
  `STOP WAL LOCATION: 0/A00100 (file ${golden.name})\n`;

test.each([
  ["00000002.history", new TextEncoder().encode(HISTORY)],
  [`${golden.name}.00000028.backup`, new TextEncoder().encode(BACKUP)],
  [`${golden.name}.partial`, golden.bytes],
])("G12 %s is stored under its own name and comes back", async (name, bytes) => {
  using archive = new WalArchive("g12");
  archive.identify(golden);
  archive.ready(name, bytes);
  expect((await archive.push(name)).exitCode).toBe(0);
  expect(archive.stored()).toEqual([`${name}.zst`]);
  expect((await archive.fetch(name)).exitCode).toBe(0);
  expect(archive.takeFetched()?.equals(bytes)).toBe(true);
  // The segment of that name is still absent.
  expect((await archive.fetch(golden.name)).exitCode).toBe(74);
});

test.each([
  ["00000002.history", "not a history\n"],
  ["00000002.history", "2\t0/B00000\tits own parent\n"],
  [`${golden.name}.00000028.backup`, "START WAL LOCATION: 0/28 (file 000000010000000000000001)\n"],
  [`${golden.name}.partial`, "short"],
  ["RECOVERYXLOG", "any"],
  [`${golden.name}.tmp`, "any"],
  [golden.name.toLowerCase(), "any"],
])("G12 refuses %s with %j", async (name, content) => {
  using archive = new WalArchive("g12");
  archive.identify(golden);
  archive.write(`pg_wal/${name}`, content);
  expect((await archive.push(name)).exitCode).toBe(41);
  expect(archive.stored()).toEqual([]);
});
