// A segment of another cluster is refused before a byte is stored, by the pg_control beside the
// file, in the working directory and in PGDATA; run with the compiled binary.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { systemIdentifierOf, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(18, "middle");
const stranger = goldenSegment(17, "middle");

test("G04 refuses a segment of another cluster", async () => {
  using archive = new WalArchive("g04");
  archive.identify(golden, systemIdentifierOf(golden) + 1n);
  archive.ready(golden.name, golden.bytes);
  const result = await archive.push(golden.name);
  expect(result.exitCode).toBe(41);
  expect(result.stderr).toContain("system identifier");
  expect(archive.stored()).toEqual([]);
});

test("G04 finds pg_control beside the file, whatever the working directory", async () => {
  using archive = new WalArchive("g04");
  archive.identify(golden, systemIdentifierOf(golden) + 1n);
  archive.ready(golden.name, golden.bytes);
  const path = join(archive.walDir, golden.name);
  const result = await archive.run(["wal-push", path], { cwd: "/" });
  expect(result.exitCode).toBe(41);
  expect(archive.stored()).toEqual([]);
});

test("G04 PGDATA of another cluster than the working directory is an error", async () => {
  using archive = new WalArchive("g04");
  using other = new WalArchive("g04-other");
  archive.identify(golden);
  other.identify(stranger);
  archive.ready(golden.name, golden.bytes);
  const run = { settings: { PGDATA: other.dataDir } };
  const result = await archive.push(golden.name, run);
  expect(result.exitCode).toBe(41);
  expect(result.stderr).toContain("different clusters");
  expect(archive.stored()).toEqual([]);
  cpSync(join(archive.dataDir, "global"), join(other.dataDir, "global"), { recursive: true });
  expect((await archive.push(golden.name, run)).exitCode).toBe(0);
});

test("G04 a damaged pg_control is an error, not an unknown cluster", async () => {
  using archive = new WalArchive("g04");
  archive.identify(golden);
  archive.write("global/pg_control", new Uint8Array(296));
  archive.ready(golden.name, golden.bytes);
  expect((await archive.push(golden.name)).exitCode).toBe(40);
  expect(archive.stored()).toEqual([]);
});
