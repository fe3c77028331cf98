// The last parts: pg_control is read until it is whole, for as long as that makes sense, and labels
// are stored as WAL-G stores them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../../../src/base/clock.ts";
import { FilesystemError } from "../../../../src/base/errors.ts";
import { controlPart, labelPart } from "../../../../src/database/postgres/label-part.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { ContentHasher, PLAIN_LEAF_BYTES } from "../../../../src/stream/content-hash.ts";
import { tarEntries } from "../../../support/raw-part.ts";

const NEVER = new AbortController().signal;
const GOLDEN = readFileSync(join(import.meta.dirname, "../../../golden/pg-control/17.bin"));
let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "control-"));
  mkdirSync(join(dir, "global"));
  path = join(dir, "global/pg_control");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A clock that does something at each sleep. */
function clockThat(onSleep: (count: number) => void): Clock & { readonly count: () => number } {
  let count = 0;
  return {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: async (_delayMs, signal) => {
      signal.throwIfAborted();
      count += 1;
      onSleep(count);
    },
    count: () => count,
  };
}

function torn(): Uint8Array {
  const bytes = new Uint8Array(GOLDEN);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  return bytes;
}

test("pg_control that is whole is stored as it is", async () => {
  writeFileSync(path, GOLDEN);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  const part = await controlPart(
    dir,
    clockThat(() => {}),
    NEVER,
  );
  expect(part.name).toBe("tar_partitions/pg_control.tar");
  const tar = Buffer.from(await collect(part.source.open(NEVER), 1e6));
  expect(tarEntries(tar).map(({ name }) => name)).toEqual(["/global/pg_control"]);
  const [entry] = part.entries();
  const { offset = 0, sizeBytes = 0 } = entry ?? {};
  expect(tar.subarray(offset, offset + sizeBytes).equals(GOLDEN)).toBe(true);
  const hasher = new ContentHasher(PLAIN_LEAF_BYTES);
  hasher.update(GOLDEN);
  expect(entry).toMatchObject({ kind: "whole", xxHash3: hasher.digest().hash });
});

test("pg_control that is being written is read again until its CRC is right", async () => {
  writeFileSync(path, torn());
  const clock = clockThat((count) => {
    if (count === 7) writeFileSync(path, GOLDEN);
  });
  const part = await controlPart(dir, clock, NEVER);
  const tar = Buffer.from(await collect(part.source.open(NEVER), 1e6));
  const { offset = 0, sizeBytes = 0 } = part.entries()[0] ?? {};
  expect(tar.subarray(offset, offset + sizeBytes).equals(GOLDEN)).toBe(true);
  expect(clock.count()).toBe(7);
});

test("pg_control that stays broken ends the backup", async () => {
  writeFileSync(path, torn());
  const clock = clockThat(() => {});
  await expect(controlPart(dir, clock, NEVER)).rejects.toThrow("pg_control");
  expect(clock.count()).toBe(19);
});

test("pg_control that is gone is an error that names it, and an abort is obeyed", async () => {
  await expect(
    controlPart(
      dir,
      clockThat(() => {}),
      NEVER,
    ),
  ).rejects.toThrow(FilesystemError);
  writeFileSync(path, torn());
  const stop = new AbortController();
  const clock = clockThat(() => stop.abort(new Error("stop")));
  await expect(controlPart(dir, clock, stop.signal)).rejects.toThrow("stop");
});

test("labels come in WAL-G's order, the map also when it is empty", async () => {
  const part = labelPart({ backupLabel: "START WAL LOCATION: ü\n", tablespaceMap: "" });
  expect(part.name).toBe("tar_partitions/backup_label.tar");
  const tar = Buffer.from(await collect(part.source.open(NEVER), 1e6));
  expect(tarEntries(tar)).toMatchObject([
    { name: "backup_label", sizeBytes: 23 },
    { name: "tablespace_map", sizeBytes: 0 },
  ]);
  const [label] = part.entries();
  const { offset = 0, sizeBytes = 0 } = label ?? {};
  const text = tar.toString("utf8", offset, offset + sizeBytes);
  expect(text).toBe("START WAL LOCATION: ü\n");
});
