// Proves every form of backup-list byte for byte on documents that WAL-G wrote, in local time.
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { ToolError } from "../../../src/base/errors.ts";
import { UTC_ZONE, zoneNamed } from "../../../src/base/local-zone.ts";
import { CatalogUnion } from "../../../src/catalog/catalog-union.ts";
import { listBackups, zoneOfStorage } from "../../../src/command/backup-list.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { recordingLogger } from "../../support/memory-repository.ts";

const SIGNAL = new AbortController().signal;
const GOLDEN = "test/golden/sentinel/pg15-zstd-userdata";
const FIRST = "base_000000010000000000000008";
const SECOND = "base_00000001000000000000000A";
const SUFFIX = "_backup_stop_sentinel.json";

let nowMs = 0;
let driver: MemoryDriver;
const clock: Clock = { ...SYSTEM_CLOCK, now: () => new Date(nowMs) };

beforeEach(() => {
  driver = new MemoryDriver(clock);
});

async function store(name: string, content: string | Uint8Array): Promise<void> {
  const key = toObjectKey(`basebackups_005/${name}`);
  await driver.put(key, bytesSource(content), { ifAbsent: false, signal: SIGNAL });
}

async function storeGolden(name: string, instant: string): Promise<void> {
  nowMs = Date.parse(instant);
  await store(`${name}/metadata.json`, readFileSync(`${GOLDEN}/${name}.metadata.json`));
  await store(name + SUFFIX, readFileSync(`${GOLDEN}/${name}${SUFFIX}`));
}

async function storeBoth(): Promise<void> {
  await storeGolden(SECOND, "2026-07-01T10:00:00.250Z");
  await storeGolden(FIRST, "2026-11-24T23:30:00Z");
}

async function list(flags: string, zone = zoneNamed("Europe/Paris")) {
  const { log, lines } = recordingLogger();
  const repositories = [{ name: "default", driver }];
  const { text } = await listBackups({
    union: new CatalogUnion({ repositories, database: "postgres" }),
    zoneOf: () => zone,
    isDetailed: flags.includes("detail"),
    isJson: flags.includes("json"),
    isPretty: flags.includes("pretty"),
    log,
    signal: SIGNAL,
  });
  return { text, lines };
}

describe("backup-list", () => {
  test("prints a plain table in local time, ordered by the storage's time", async () => {
    await storeBoth();
    expect((await list("")).text).toBe(
      [
        "backup_name                   modified                  wal_file_name            " +
          "storage_name",
        "base_00000001000000000000000A 2026-07-01T12:00:00+02:00 00000001000000000000000A default",
        "base_000000010000000000000008 2026-11-25T00:30:00+01:00 000000010000000000000008 default",
        "",
      ].join("\n"),
    );
  });

  test("prints UTC as Z", async () => {
    await storeGolden(FIRST, "2024-03-01T10:00:00Z");
    expect((await list("", UTC_ZONE)).text).toBe(
      "backup_name                   modified             wal_file_name            storage_name\n" +
        "base_000000010000000000000008 2024-03-01T10:00:00Z 000000010000000000000008 default\n",
    );
  });

  test("prints a table with borders in RFC 850", async () => {
    await storeBoth();
    const border = `+${[3, 31, 36, 26, 14].map((width) => "-".repeat(width)).join("+")}+`;
    const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;
    const summer = "Wednesday, 01-Jul-26 12:00:00 CEST";
    const winter = "Wednesday, 25-Nov-26 00:30:00 CET ";
    const [title, modified] = ["BACKUP NAME                  ", "MODIFIED".padEnd(34)];
    expect((await list("pretty")).text).toBe(
      [
        border,
        row("#", title, modified, "WAL FILE NAME           ", "STORAGE NAME"),
        border,
        row("0", SECOND, summer, "00000001000000000000000A", "default     "),
        row("1", FIRST, winter, "000000010000000000000008", "default     "),
        border,
        "",
      ].join("\n"),
    );
  });

  test("prints one line of JSON", async () => {
    await storeBoth();
    expect((await list("json")).text).toBe(
      '[{"backup_name":"base_00000001000000000000000A","time":"2026-07-01T12:00:00.25+02:00",' +
        '"wal_file_name":"00000001000000000000000A","storage_name":"default"},' +
        '{"backup_name":"base_000000010000000000000008","time":"2026-11-25T00:30:00+01:00",' +
        '"wal_file_name":"000000010000000000000008","storage_name":"default"}]\n',
    );
  });

  test("prints every column with detail, ordered by start time", async () => {
    await storeBoth();
    const head =
      "backup_name                   modified                  wal_file_name            ";
    const dataDir = "/var/lib/postgresql/f/pg15-zstd-userdata/data";
    expect((await list("detail")).text).toBe(
      `${head}storage_name start_time           finish_time          hostname ` +
        `data_dir${" ".repeat(dataDir.length - 7)}pg_version start_lsn finish_lsn is_permanent\n` +
        `${FIRST} 2026-11-25T00:30:00+01:00 000000010000000000000008 default      ` +
        `2026-11-24T02:19:34Z 2026-11-24T02:19:35Z fixture  ${dataDir} 150020     ` +
        "0/800028  0/800100   true\n" +
        `${SECOND} 2026-07-01T12:00:00+02:00 00000001000000000000000A default      ` +
        `2026-11-24T02:19:36Z 2026-11-24T02:19:37Z fixture  ${dataDir} 150020     ` +
        "0/A00028  0/A00100   false\n",
    );
  });

  test("prints detail with borders", async () => {
    await storeGolden(FIRST, "2026-11-24T23:30:00Z");
    const lines = (await list("pretty detail")).text.split("\n");
    const cells = lines.map((line) => line.split("|").map((cell) => cell.trim()));
    expect(cells[1]?.slice(1, -1)).toEqual([
      "#",
      "BACKUP NAME",
      "MODIFIED",
      "WAL FILE NAME",
      "STORAGE NAME",
      "START TIME",
      "FINISH TIME",
      "HOSTNAME",
      "DATADIR",
      "PG VERSION",
      "START LSN",
      "FINISH LSN",
      "PERMANENT",
    ]);
    expect(cells[3]?.slice(5, -1)).toEqual([
      "default",
      "Tuesday, 24-Nov-26 02:19:34 UTC",
      "Tuesday, 24-Nov-26 02:19:35 UTC",
      "fixture",
      "/var/lib/postgresql/f/pg15-zstd-userdata/data",
      "150020",
      "0/800028",
      "0/800100",
      "true",
    ]);
  });

  test("prints detail as indented JSON with every digit of every number", async () => {
    await storeGolden(FIRST, "2026-11-24T23:30:00Z");
    expect((await list("pretty json detail")).text).toBe(
      `[
    {
        "backup_name": "base_000000010000000000000008",
        "time": "2026-11-25T00:30:00+01:00",
        "wal_file_name": "000000010000000000000008",
        "storage_name": "default",
        "start_time": "2026-11-24T02:19:34.026373Z",
        "finish_time": "2026-11-24T02:19:35.247186Z",
        "date_fmt": "%Y-%m-%dT%H:%M:%S.%fZ",
        "hostname": "fixture",
        "data_dir": "/var/lib/postgresql/f/pg15-zstd-userdata/data",
        "pg_version": 150020,
        "start_lsn": 8388648,
        "finish_lsn": 8388864,
        "is_permanent": true,
        "system_identifier": 7711556964300076425,
        "uncompressed_size": 9591333,
        "compressed_size": 1086999,
        "user_data": {
            "n": 12345678901234568,
            "release": "r1"
        }
    }
]
`,
    );
  });

  test("falls back to the storage's order when a start time is unknown", async () => {
    await storeBoth();
    nowMs = Date.parse("2026-12-01T00:00:00Z");
    await store("stream_x/metadata.json", '{"hostname":"<h>"}');
    await store(`stream_x${SUFFIX}`, "{}");
    const lines = (await list("detail")).text.split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual([
      "backup_name",
      SECOND,
      FIRST,
      "stream_x",
      "",
    ]);
    expect(lines[3]).toMatch(/ZZZZ default +- +- +<h> +0 +0\/0 +0\/0 +false$/);
    expect((await list("json detail")).text).toContain('"hostname":"\\u003ch\\u003e"');
    expect((await list("json detail")).text).toContain('"start_time":"0001-01-01T00:00:00Z"');
  });

  test("fails with detail when a backup has no metadata.json, and names it", async () => {
    await storeBoth();
    await store(`base_00000001000000000000000B${SUFFIX}`, "{}");
    await expect(list("detail")).rejects.toThrow(ToolError);
    await expect(list("detail")).rejects.toThrow(
      "basebackups_005/base_00000001000000000000000B/metadata.json: object not found",
    );
    expect((await list("")).text.split("\n")).toHaveLength(5);
  });

  test.each(["", "pretty", "detail", "pretty detail"])(
    "prints nothing with flags %j when there are no backups, and says so",
    async (flags) => {
      expect(await list(flags)).toEqual({ text: "", lines: ["info: No backups found"] });
    },
  );

  test.each(["json", "json pretty", "json detail", "json pretty detail"])(
    "prints an empty array with flags %j when there are no backups",
    async (flags) => {
      expect(await list(flags)).toEqual({ text: "[]\n", lines: ["info: No backups found"] });
    },
  );

  test("shows times of directories in local time and those of object stores in UTC", () => {
    const local = zoneNamed("Europe/Paris");
    expect(zoneOfStorage("file:///backups", local)).toBe(local);
    expect(zoneOfStorage("ssh://host/backups", local)).toBe(local);
    expect(zoneOfStorage("s3://bucket/prefix", local)).toBe(UTC_ZONE);
  });
});
