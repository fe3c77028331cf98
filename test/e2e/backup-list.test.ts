// Proves with the compiled binary that backup-list shows every repository that WAL-G wrote, in all
// its forms and in the local time zone, against text built here from the stored JSON itself.
import { readdirSync, readFileSync, renameSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { copyFixture, type Fixture, fixtureNames } from "../support/fixture.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const SUFFIX = "_backup_stop_sentinel.json";
let scratch: ScratchDir;

beforeAll(() => {
  scratch = makeScratch("backup-list");
});

afterAll(() => scratch[Symbol.dispose]());

interface Listed {
  readonly name: string;
  readonly modified: Date;
  /** metadata.json, as its text. */
  readonly metadata: string;
}

/** A copy whose sentinels were taken at known times, the last backup first. */
function prepared(name: string): { readonly fixture: Fixture; readonly listed: readonly Listed[] } {
  const fixture = copyFixture(name, join(scratch.path, name));
  const folder = join(fixture.repository, "basebackups_005");
  const names = readdirSync(folder)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort()
    .reverse();
  const listed = names.map((backup, index) => {
    const modified = new Date(Date.UTC(2026, 5, 30, 21, 30, index, 250));
    utimesSync(join(folder, backup + SUFFIX), modified, modified);
    const metadata = readFileSync(join(folder, backup, "metadata.json"), "utf8");
    return { name: backup, modified, metadata };
  });
  return { fixture, listed };
}

function list(repository: string, flags: readonly string[], zone = "UTC") {
  return runBinary(["backup-list", ...flags], {
    name: "wal-g",
    env: { WALG_FILE_PREFIX: repository, TZ: zone },
  });
}

const walFile = (name: string) => name.slice("base_".length, "base_".length + 24);
const zulu = (date: Date) => date.toISOString().replace(/\.\d+Z$/, "Z");

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) => {
    const cells = row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell));
    return `${cells.join(" ")}\n`;
  });
  return lines.join("");
}

describe.each(fixtureNames())("backup-list of %s", (name) => {
  test("shows every backup in every form", async () => {
    const { fixture, listed } = prepared(name);
    const plain = await list(fixture.repository, []);
    expect(plain.stderr).toBe("");
    expect(plain.stdout).toBe(
      table([
        ["backup_name", "modified", "wal_file_name", "storage_name"],
        ...listed.map((one) => [one.name, zulu(one.modified), walFile(one.name), "default"]),
      ]),
    );
    const json = await list(fixture.repository, ["--json"], "Asia/Tokyo");
    const items = listed.map((one) => {
      const tokyo = new Date(one.modified.getTime() + 9 * 3_600_000).toISOString().slice(0, 19);
      return (
        `{"backup_name":"${one.name}","time":"${tokyo}.25+09:00",` +
        `"wal_file_name":"${walFile(one.name)}","storage_name":"default"}`
      );
    });
    expect(json.stdout).toBe(`[${items.join(",")}]\n`);
    // By start time: the order of writing, which is that of the names of one timeline.
    const byStart = listed.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const detail = await list(fixture.repository, ["--json", "--detail"]);
    const details = byStart.map((one) => {
      const time = one.modified.toISOString().replace("0Z", "Z");
      return (
        `{"backup_name":"${one.name}","time":"${time}","wal_file_name":"${walFile(one.name)}",` +
        `"storage_name":"default",${one.metadata.slice(1)}`
      );
    });
    expect(detail.stdout).toBe(`[${details.join(",")}]\n`);
  });
});

describe("backup-list", () => {
  test("prints tables with borders in the local zone, summer and winter by name", async () => {
    const { fixture } = prepared("pg15-zstd-userdata");
    const pretty = await list(fixture.repository, ["--pretty"], "Europe/Paris");
    expect(pretty.stdout.split("\n")[3]).toBe(
      "| 0 | base_00000001000000000000000A | Tuesday, 30-Jun-26 23:30:00 CEST | " +
        "00000001000000000000000A | default      |",
    );
    const detail = await list(fixture.repository, ["--pretty", "--detail"], "America/New_York");
    expect(detail.stdout).toContain("| Tuesday, 30-Jun-26 17:30:00 EDT |");
    expect(detail.stdout).toContain("| Tuesday, 24-Nov-26 02:19:34 UTC |");
    expect(detail.exitCode).toBe(0);
  });

  test("says that there are no backups on stderr, and exits with 0", async () => {
    const empty = makeScratch("backup-list-empty");
    try {
      const plain = await list(empty.path, ["--detail"]);
      expect([plain.stdout, plain.exitCode]).toEqual(["", 0]);
      expect(plain.stderr).toContain("No backups found");
      const json = await list(empty.path, ["--json", "--pretty"]);
      expect([json.stdout, json.exitCode]).toEqual(["[]\n", 0]);
    } finally {
      empty[Symbol.dispose]();
    }
  });

  test("exits with 1 when details of a backup are missing, and names the object", async () => {
    const { fixture, listed } = prepared("pg13-lz4-full");
    const [only] = listed;
    const key = `basebackups_005/${only?.name}/metadata.json`;
    renameSync(join(fixture.repository, key), join(fixture.repository, "moved"));
    const detail = await list(fixture.repository, ["--detail"]);
    expect([detail.stdout, detail.exitCode]).toEqual(["", 1]);
    expect(detail.stderr).toContain(`${key}: object not found`);
    expect((await list(fixture.repository, [])).exitCode).toBe(0);
  });
});
