// Proves that each metadata.json that WAL-G wrote for the fixtures is printed back byte for byte.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeBackupMetadata } from "../../../../src/catalog/backup-metadata.ts";
import { encodeBackupMetadata } from "../../../../src/database/postgres/backup-metadata.ts";

const GOLDEN = "test/golden/sentinel";
const WRITTEN = readdirSync(GOLDEN, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".metadata.json") && !path.endsWith("files_metadata.json"))
  .sort();

const roundTrip = (text: string) =>
  encodeBackupMetadata(decodeBackupMetadata("x", new TextEncoder().encode(text)));

describe("metadata.json", () => {
  test.each(WRITTEN)("%s survives decoding and encoding", (path) => {
    const text = readFileSync(`${GOLDEN}/${path}`, "utf8");
    expect(roundTrip(text)).toBe(text);
  });

  test("is known for all fixtures", () => {
    expect(WRITTEN.length).toBe(31);
  });

  test("has Go's zero times and a null identifier where nothing is known", () => {
    expect(roundTrip("{}")).toBe(
      '{"start_time":"0001-01-01T00:00:00Z","finish_time":"0001-01-01T00:00:00Z",' +
        '"date_fmt":"%Y-%m-%dT%H:%M:%S.%fZ","hostname":"","data_dir":"","pg_version":0,' +
        '"start_lsn":0,"finish_lsn":0,"is_permanent":false,"system_identifier":null,' +
        '"uncompressed_size":0,"compressed_size":0}',
    );
  });
});
