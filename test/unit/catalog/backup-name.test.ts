// Proves that names of backups are made and read as WAL-G does.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import {
  firstSegmentIn,
  formatPostgresBackupName,
  parsePostgresBackupName,
  toBackupName,
} from "../../../src/catalog/backup-name.ts";
import { isSegmentName, type SegmentName } from "../../../src/wal/segment-name.ts";

const A = "000000010000000000000002";
const B = "0000000A00000001000000FF";

function segment(text: string): SegmentName {
  if (!isSegmentName(text)) throw new Error(text);
  return text;
}

describe("backup names", () => {
  test("parse a full backup, an increment and one of WAL-E", () => {
    expect(parsePostgresBackupName(`base_${A}`)).toMatchObject({
      segment: A,
      timeline: 1,
      parentSegment: undefined,
    });
    expect(parsePostgresBackupName(`base_${B}_D_${A}`)).toMatchObject({
      segment: B,
      timeline: 10,
      parentSegment: A,
    });
    expect(parsePostgresBackupName(`base_${A}_00000028`)?.segment).toBe(A);
  });

  test.each([
    "",
    "base_",
    `base_${A.toLowerCase().replace("1", "a")}`,
    `base_${A}0`,
    `base_${A}_D_`,
    `base_${A}_D_${A}_D_${A}`,
    `xbase_${A}`,
    `base_${A}_28`,
    "stream_20260102T030405Z",
  ])("does not take %j for the name of a PostgreSQL backup", (name) => {
    expect(parsePostgresBackupName(name)).toBeUndefined();
  });

  test("name an increment after its parent's own start, not after the root", () => {
    const full = formatPostgresBackupName(segment(A), undefined);
    expect(full).toBe(`base_${A}`);
    const first = formatPostgresBackupName(segment(B), full);
    expect(first).toBe(`base_${B}_D_${A}`);
    expect(formatPostgresBackupName(segment("0000000A0000000200000000"), first)).toBe(
      `base_0000000A0000000200000000_D_${B}`,
    );
  });

  test("refuse a parent without a segment in its name", () => {
    expect(() => formatPostgresBackupName(segment(A), toBackupName("stream_1"))).toThrow(
      UsageError,
    );
  });

  test("look for upper-case digits only", () => {
    expect(firstSegmentIn(`x_${A}_y_${B}`)).toBe(A);
    expect(firstSegmentIn("base_00000001000000000000000a")).toBeUndefined();
  });

  test.each(["", ".", "..", "a/b", "a\nb"])("refuse %j, which is no element of a key", (name) => {
    expect(() => toBackupName(name)).toThrow(UsageError);
  });
});
