// Losing the marks of what was stored ahead loses nothing and stores nothing twice: the repository
// itself tells what is there. Run with the compiled binary.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(15, "middle");
const next = goldenSegment(15, "switched");

test("G07 without its marks the next call finds the object and succeeds", async () => {
  using archive = new WalArchive("g07");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  expect((await archive.push(golden.name)).exitCode).toBe(0);
  const marks = join(archive.walDir, "walg_data", "walg_archive_status");
  expect(readdirSync(marks)).toEqual([next.name]);
  const stored = archive.stored();
  expect(stored).toHaveLength(2);
  const bytes = archive.object(stored[1] ?? "");
  rmSync(join(archive.walDir, "walg_data"), { recursive: true });
  archive.done(golden.name);
  const again = await archive.push(next.name);
  expect(again.exitCode).toBe(0);
  expect(again.stderr).toContain("already archived with equal content");
  expect(archive.object(stored[1] ?? "").equals(bytes)).toBe(true);
});
