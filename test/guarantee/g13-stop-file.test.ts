// While the stop file exists, pushing fails, so that the server keeps its WAL; run with the
// compiled binary.
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

test("G13 the stop file blocks pushing and its removal lets it go on", async () => {
  const golden = goldenSegment(14, "switched");
  using archive = new WalArchive("g13");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const stopFile = archive.write("stop", "");
  const run = { settings: { TIDEMARK_STOP_FILE: stopFile } };
  const stopped = await archive.push(golden.name, run);
  expect(stopped.exitCode).toBe(44);
  expect(stopped.stderr).toContain(stopFile);
  expect(archive.stored()).toEqual([]);
  rmSync(stopFile);
  expect((await archive.push(golden.name, run)).exitCode).toBe(0);
  expect(archive.stored()).toHaveLength(1);
});
