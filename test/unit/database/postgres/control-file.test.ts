// pg_control of every version, written by real servers, against pg_controldata's output; then
// every prefix and every flipped byte of it must be refused.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crc32c } from "../../../../src/base/crc32c.ts";
import {
  ControlFileError,
  parseControlFile,
  readControlFile,
  readControlFileIfPresent,
} from "../../../../src/database/postgres/control-file.ts";
import { formatLsn } from "../../../../src/delta/lsn.ts";

const GOLDEN = join(import.meta.dirname, "../../../golden/pg-control");

function golden(version: number): Uint8Array {
  return new Uint8Array(readFileSync(join(GOLDEN, `${version}.bin`)));
}

test.each([
  [13, 1300, 202007201, 7711695310795812488n, "0/913EC0"],
  [14, 1300, 202107181, 7711695313103531676n, "0/A43218"],
  [15, 1300, 202209061, 7711695315222109872n, "0/8358A8"],
  [16, 1300, 202307071, 7711695317117116100n, "0/821008"],
  [17, 1700, 202406281, 7711695318746939096n, "0/821908"],
  [18, 1800, 202506291, 7711695320705199852n, "0/84B2B8"],
])("reads version %i", (version, controlVersion, catalogVersion, systemIdentifier, redo) => {
  const control = parseControlFile(golden(version), "pg_control");
  expect(control).toMatchObject({
    controlVersion,
    catalogVersion,
    systemIdentifier,
    state: "shut down",
    timeline: 1,
    previousTimeline: 1,
    minRecoveryLsn: 0n,
    minRecoveryTimeline: 0,
    backupStartLsn: 0n,
    backupEndLsn: 0n,
    isBackupEndRequired: false,
    blockBytes: 8192,
    blocksPerRelationSegment: 131072,
    walBlockBytes: 8192,
    segmentBytes: 1 << 20,
    dataChecksumVersion: 1,
  });
  expect(formatLsn(control.redoLsn)).toBe(redo);
  expect(formatLsn(control.checkpointLsn)).toBe(redo);
});

test.each([13, 17, 18])("refuses every prefix and every flipped byte of version %i", (version) => {
  const bytes = golden(version);
  const endOfCrc = version === 18 ? 296 : 292;
  for (let length = 0; length < endOfCrc; length += 1) {
    expect(() => parseControlFile(bytes.subarray(0, length), "x")).toThrow(ControlFileError);
  }
  for (let at = 0; at < endOfCrc; at += 1) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x40;
    expect(() => parseControlFile(changed, "x")).toThrow(ControlFileError);
  }
});

test("names an unknown version, the other byte order, and impossible fields", () => {
  const withWord = (offset: number, value: number) => {
    const bytes = golden(17);
    const view = new DataView(bytes.buffer);
    view.setUint32(offset, value, true);
    view.setUint32(288, crc32c(bytes.subarray(0, 288)), true);
    return bytes;
  };
  const parse = (bytes: Uint8Array) => () => parseControlFile(bytes, "x");
  expect(parse(withWord(8, 1900))).toThrow(/control version 1900/);
  expect(parse(withWord(8, 0x14050000))).toThrow(/other byte order/);
  expect(parse(withWord(16, 7))).toThrow(/unknown cluster state/);
  expect(parse(withWord(228, 12345))).toThrow(/WAL segment size 12345/);
  expect(parse(withWord(16, 6))).not.toThrow();
});

test("a directory without the file is no data directory; a damaged file is an error", () => {
  const directory = mkdtempSync(join(tmpdir(), "control-file-"));
  try {
    expect(readControlFileIfPresent(directory)).toBeUndefined();
    expect(() => readControlFile(directory)).toThrow(/cannot be read \(ENOENT\)/);
    mkdirSync(join(directory, "global"));
    const path = join(directory, "global", "pg_control");
    writeFileSync(path, golden(16));
    expect(readControlFileIfPresent(directory)?.systemIdentifier).toBe(7711695317117116100n);
    writeFileSync(path, "torn");
    expect(() => readControlFileIfPresent(directory)).toThrow(ControlFileError);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
