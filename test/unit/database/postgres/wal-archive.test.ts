// What wal-push and wal-fetch are given of a data directory: the checked file, the bytes that wait,
// and an origin that differs for each restore of one path.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openWalPush, walFetchPlace } from "../../../../src/database/postgres/wal-archive.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";

const golden = goldenSegment(15, "middle");
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-archive-"));
  mkdirSync(join(directory, "pg_wal", "archive_status"), { recursive: true });
  mkdirSync(join(directory, "global"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("counts what waits", () => {
  writeFileSync(join(directory, "pg_wal", golden.name), golden.bytes);
  for (const name of [golden.name, "00000002.history"]) {
    writeFileSync(join(directory, "pg_wal", "archive_status", `${name}.ready`), "");
  }
  using wal = openWalPush({
    path: `pg_wal/${golden.name}`,
    workingDirectory: directory,
    dataDirectory: undefined,
    renamesReady: false,
  });
  expect(wal.file.path).toBe(join(directory, "pg_wal", golden.name));
  // Without pg_control the default size is all that is known.
  expect(wal.waitingBytes()).toBe(16 << 20);
  expect(wal.queue?.waiting(golden.name)).toEqual(["00000002.history"]);
});

test("a directory that is made again has another origin", async () => {
  const origin = () =>
    walFetchPlace({
      path: "pg_wal/RECOVERYXLOG",
      workingDirectory: directory,
      readAheadDirectory: join(directory, "pg_wal"),
      fallbackSegmentBytes: undefined,
    }).origin;
  const first = origin();
  expect(origin()).toBe(first);
  rmSync(join(directory, "global"), { recursive: true });
  await Bun.sleep(5);
  mkdirSync(join(directory, "global"));
  expect(origin()).not.toBe(first);
});
