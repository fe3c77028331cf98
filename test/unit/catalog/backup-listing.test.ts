// Proves the order of a detailed listing and how Go would show each time.
import { describe, expect, test } from "vitest";
import { parseGoTime } from "../../../src/base/go-time.ts";
import { UTC_ZONE, zoneNamed } from "../../../src/base/local-zone.ts";
import { listColumns, printListJson, withDetails } from "../../../src/catalog/backup-listing.ts";
import { decodeBackupMetadata } from "../../../src/catalog/backup-metadata.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import type { BackupEntry } from "../../../src/catalog/catalog.ts";

function entry(name: string, seconds: bigint): BackupEntry {
  return {
    name: toBackupName(name),
    modifiedNs: seconds * 1_000_000_000n + 123_456_789n,
    walFileName: "Z".repeat(24),
    storage: "default",
  };
}

function metadata(starts: Readonly<Record<string, string>>) {
  const decode = (start: string | undefined) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ start_time: start }));
    return decodeBackupMetadata("x", bytes);
  };
  return new Map(ENTRIES.map((each) => [each, decode(starts[each.name])]));
}

const ENTRIES = [entry("a", 100n), entry("b", 200n), entry("c", 300n)];

describe("a detailed listing", () => {
  test("goes by start time, equal ones by the storage's time", () => {
    const listed = withDetails(
      ENTRIES,
      metadata({
        a: "2026-01-02T00:00:00Z",
        b: "2026-01-01T00:00:00.000000001Z",
        c: "2026-01-01T00:00:00.000000001Z",
      }),
    );
    expect(listed.map((backup) => backup.entry.name)).toEqual(["b", "c", "a"]);
  });

  test("goes by the storage's time when one start time is unknown", () => {
    const listed = withDetails(
      ENTRIES,
      metadata({
        a: "2026-01-02T00:00:00Z",
        b: "0001-01-01T00:00:00Z",
        c: "2026-01-01T00:00:00Z",
      }),
    );
    expect(listed.map((backup) => backup.entry.name)).toEqual(["a", "b", "c"]);
  });
});

describe("times", () => {
  test.each([
    ["2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z", "Wednesday, 01-Jul-26 10:00:00 UTC"],
    [
      "2026-07-01T10:00:00+02:00",
      "2026-07-01T10:00:00+02:00",
      "Wednesday, 01-Jul-26 10:00:00 CEST",
    ],
    [
      "2026-07-01T10:00:00+05:30",
      "2026-07-01T10:00:00+05:30",
      "Wednesday, 01-Jul-26 10:00:00 +0530",
    ],
  ])("are shown in the zone in which %s was written", (text, plain, pretty) => {
    expect(parseGoTime(text)).toBeDefined();
    const [backup] = withDetails(ENTRIES.slice(0, 1), metadata({ a: text }));
    const columns = listColumns({ zoneOf: () => zoneNamed("Europe/Paris"), isDetailed: true });
    const start = columns.find((column) => column.name === "start_time");
    expect(backup && start?.plain(backup)).toBe(plain);
    expect(backup && start?.pretty(backup)).toBe(pretty);
  });

  test("of the storage have all their digits in JSON", () => {
    const backups = [{ entry: entry("a", 1_767_225_600n), details: undefined }];
    expect(printListJson(backups, { zoneOf: () => UTC_ZONE, isIndented: false })).toContain(
      '"time":"2026-01-01T00:00:00.123456789Z"',
    );
  });
});
