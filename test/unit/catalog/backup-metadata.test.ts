// Proves that metadata.json is read to the digit, leniently where Go is and strictly where a wrong
// value would be shown.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { formatGoTime } from "../../../src/base/go-time.ts";
import { decodeBackupMetadata } from "../../../src/catalog/backup-metadata.ts";

const decode = (text: string) => decodeBackupMetadata("the key", new TextEncoder().encode(text));

describe("metadata.json", () => {
  test("is read whole", () => {
    const metadata = decode(
      '{"start_time":"2026-01-02T03:04:05.123457Z","finish_time":"2026-01-02T03:05:00.5Z",' +
        '"date_fmt":"%Y","hostname":"db1","data_dir":"/data","pg_version":160003,' +
        '"start_lsn":33554472,"finish_lsn":18446744073709551615,"is_permanent":true,' +
        '"system_identifier":7301234567890123456,"uncompressed_size":30812345,' +
        '"compressed_size":4123456,"user_data":{"n":12345678901234567}}',
    );
    expect(metadata.startTime && formatGoTime(metadata.startTime)).toBe(
      "2026-01-02T03:04:05.123457Z",
    );
    expect(metadata).toMatchObject({
      hostname: "db1",
      pgVersion: 160003,
      startLsn: 33554472n,
      finishLsn: 18446744073709551615n,
      isPermanent: true,
      systemIdentifier: 7301234567890123456n,
      uncompressedBytes: 30812345,
      userData: { n: 12345678901234567n },
    });
  });

  test("has Go's zero for what is absent, null, or Go's zero time", () => {
    expect(decode('{"start_time":"0001-01-01T00:00:00Z","system_identifier":null}')).toEqual({
      startTime: undefined,
      finishTime: undefined,
      dateFormat: "",
      hostname: "",
      dataDir: "",
      pgVersion: 0,
      startLsn: 0n,
      finishLsn: 0n,
      isPermanent: false,
      systemIdentifier: undefined,
      uncompressedBytes: 0,
      compressedBytes: 0,
      userData: undefined,
    });
  });

  test.each([
    '{"start_time":"yesterday"}',
    '{"start_lsn":"0/2000028"}',
    '{"is_permanent":"yes"}',
    '{"system_identifier":7.5}',
    '{"hostname":["x"]}',
    "{",
  ])("refuses %s and names the object", (text) => {
    expect(() => decode(text)).toThrow(CorruptObjectError);
    expect(() => decode(text)).toThrow("the key");
  });
});
