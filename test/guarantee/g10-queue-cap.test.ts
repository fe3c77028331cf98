// Above ARCHIVE_QUEUE_MAX the server is told "archived" and the segment is dropped, with a warning
// that says what it means; the cap counts what the server keeps. Run with the compiled binary.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
const cap = (segments: number) => ({
  settings: { TIDEMARK_ARCHIVE_QUEUE_MAX: String(segments << 20) },
});

test("G10 beyond the cap the segment is dropped and the server goes on", async () => {
  using archive = new WalArchive("g10");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  const result = await archive.push(golden.name, cap(1));
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain("dropped WAL file");
  expect(result.stderr).toContain("until a new backup");
  expect(archive.stored()).toEqual([]);
});

test("G10 up to the cap everything is stored", async () => {
  using archive = new WalArchive("g10");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  expect((await archive.push(golden.name, cap(2))).exitCode).toBe(0);
  expect(archive.stored()).toHaveLength(2);
});

test("G10 one segment that fails for ever does not keep the cap from working", async () => {
  using archive = new WalArchive("g10");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  await archive.push(golden.name);
  archive.ready(golden.name, otherHistory(golden).bytes);
  expect((await archive.push(golden.name, cap(1))).exitCode).toBe(23);
  archive.ready(next.name, next.bytes);
  const result = await archive.push(golden.name, cap(1));
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain("dropped WAL file");
});

test("G10 timeline histories are never dropped", async () => {
  using archive = new WalArchive("g10");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  archive.ready("00000002.history", "1\t0/A00000\tno recovery target specified\n");
  expect((await archive.push("00000002.history", cap(1))).exitCode).toBe(0);
  expect(archive.stored()).toContain("00000002.history.zst");
});
