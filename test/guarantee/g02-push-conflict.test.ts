// Different content under a stored name fails with a stable code, leaves the stored object as it
// is, and stores nothing further; run with the compiled binary on real segments.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(16, "middle");
const next = goldenSegment(16, "switched");

test.each([
  ["tidemark", 23],
  ["wal-g", 1],
])("G02 called as %s it exits %i and the object stays", async (name, exitCode) => {
  using archive = new WalArchive("g02");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  await archive.push(golden.name, { name });
  const stored = archive.stored();
  const bytes = archive.object(stored[0] ?? "");
  archive.ready(golden.name, otherHistory(golden).bytes);
  for (const codec of ["zstd", "lz4", "none"]) {
    const conflict = await archive.push(golden.name, {
      name,
      settings: { WALG_COMPRESSION_METHOD: codec },
    });
    expect(conflict.exitCode).toBe(exitCode);
    expect(conflict.stderr).toContain("already archived, contents differ, unable to overwrite");
    expect(archive.stored()).toEqual(stored);
    expect(archive.object(stored[0] ?? "").equals(bytes)).toBe(true);
  }
});

test("G02 only an explicit false lets it be replaced, with a warning each time", async () => {
  using archive = new WalArchive("g02");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  await archive.push(golden.name);
  archive.ready(golden.name, otherHistory(golden).bytes);
  const settings = { WALG_PREVENT_WAL_OVERWRITE: "false", WALG_COMPRESSION_METHOD: "lz4" };
  const replaced = await archive.push(golden.name, { settings });
  expect(replaced.exitCode).toBe(0);
  expect(replaced.stderr).toContain("PREVENT_WAL_OVERWRITE is false");
  expect(archive.stored()).toEqual([`${golden.name}.lz4`]);
  expect((await archive.fetch(golden.name)).exitCode).toBe(0);
  expect(archive.takeFetched()?.equals(otherHistory(golden).bytes)).toBe(true);
  archive.ready("00000002.history", "1\t0/1000\tone\n");
  await archive.push("00000002.history", { settings });
  archive.ready("00000002.history", "1\t0/2000\ttwo\n");
  expect((await archive.push("00000002.history", { settings })).exitCode).toBe(23);
});

test("G02 what is stored ahead stops at a conflict, and leaves it to the server", async () => {
  using archive = new WalArchive("g02");
  archive.identify(golden);
  archive.ready(next.name, next.bytes);
  await archive.push(next.name);
  archive.done(next.name);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, otherHistory(next).bytes);
  // The main file is fine, the one behind it is not: it must come up again, loudly.
  const main = await archive.push(golden.name);
  expect(main.exitCode).toBe(0);
  const conflict = await archive.push(next.name);
  expect(conflict.exitCode).toBe(23);
  expect(conflict.stderr).toMatch(/^WARNING: .*storing ahead: .*contents differ/m);
});
