// Proves that every repository in test/fixtures restores to the bytes and modes that WAL-G's own
// restore gave, by the compiled binary, and that real servers recover from several of them to the
// rows that a server recovered by WAL-G had.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatLsn, toLsn } from "../../src/delta/lsn.ts";
import { listDirectory } from "../support/directory-listing.ts";
import {
  copyFixture,
  expectedFiles,
  expectedRows,
  type Fixture,
  fixtureNames,
  readFixture,
} from "../support/fixture.ts";
import { adoptDirectory, type PostgresCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import type { RunResult } from "../support/run-as.ts";
import { runBinary } from "../support/run-binary.ts";
import { binaryPath, giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";

const CASES = fixtureNames().flatMap((name) => {
  return readFixture(name).backups.map((backup) => ({ fixture: name, backup: backup.name }));
});

const NEWEST = "base_00000002000000000000000E_D_00000002000000000000000C";

describe("restore of a repository written by WAL-G", () => {
  it.each(CASES)("$fixture: $backup has the files of WAL-G's restore", async (one) => {
    using scratch = makeScratch("fixture");
    const fixture = copyFixture(one.fixture, scratch.path);
    const target = join(scratch.path, "data");
    const spec = restoreSpec(fixture, scratch);
    const result = await fetchBackup(fixture, [target, one.backup, ...spec]);
    expect(result.stderr).toContain("Backup extraction complete.");
    expect(result.exitCode).toBe(0);
    const lines = [...listDirectory(target), ...listTablespaces(scratch)];
    expect(sortedByPath(lines.map((line) => withoutScratch(line, scratch)))).toEqual(
      sortedByPath(expectedFiles(fixture, one.backup)),
    );
  });

  it("pg15-zstd-userdata: finds backups by their user data, LATEST by the time", async () => {
    using scratch = makeScratch("fixture");
    const fixture = copyFixture("pg15-zstd-userdata", scratch.path);
    const [first = "", second = ""] = fixture.backups.map(({ name }) => name);
    const restored = async (label: string, args: readonly string[]) => {
      const target = join(scratch.path, label);
      const result = await fetchBackup(fixture, [target, ...args]);
      expect(result.stderr).toContain("Backup extraction complete.");
      return readFileSync(join(target, "backup_label"), "utf8");
    };
    const segmentOf = (name: string) => name.slice("base_".length);
    const number = '{"release":"r1","n":12345678901234567}';
    const byNumber = await restored("number", ["--target-user-data", number]);
    expect(byNumber).toContain(segmentOf(first));
    const byText = await restored("text", ["--target-user-data", "plain text"]);
    expect(byText).toContain(segmentOf(second));
    expect(await restored("latest", ["LATEST"])).toContain(segmentOf(second));
    const both = await fetchBackup(fixture, [
      join(scratch.path, "both"),
      "LATEST",
      "--target-user-data",
      number,
    ]);
    expect(both.exitCode).toBe(2);
  });
});

describe("recovery of a repository written by WAL-G", () => {
  it.each([
    ["pg13-lz4-full", "13"],
    ["pg15-libsodium", "15"],
    ["pg15-pgp", "15"],
    ["pg15-remote", "15"],
    ["pg15-composers", "15"],
    ["pg15-tablespaces", "15"],
    ["pg17-zstd-delta", "17"],
    ["pg18-zstd-delta", "18"],
  ] as const)("%s: a server recovers to the end of the archive", async (name, version) => {
    const block = expectedRows(readFixture(name)).find(({ target }) => {
      return target.startsWith("end of archive");
    });
    await using restored = await restoredServer(name, version, async (fixture, scratch) => {
      const backup = block?.backup ?? fixture.backups.at(-1)?.name ?? "";
      return [backup, ...restoreSpec(fixture, scratch)];
    });
    restored.recoverToEnd();
    await restored.cluster.start();
    await restored.waitFor("it is promoted", "select pg_is_in_recovery()", "f");
    expect(await tableRows(restored.cluster)).toEqual(block?.rows);
  });

  it.each(
    expectedRows(readFixture("pg15-lz4-full"))
      .filter(({ target }) => !target.startsWith("end of"))
      .map(({ target, rows }) => ({ target, rows })),
  )("pg15-lz4-full: a server recovers to $target", async ({ target, rows }) => {
    await using restored = await restoredServer("pg15-lz4-full", "15", async () => {
      return targetFlags(target);
    });
    await restored.cluster.start();
    await restored.waitFor("it pauses", "select pg_get_wal_replay_pause_state()", "paused");
    expect(await tableRows(restored.cluster)).toEqual(rows);
  });

  it.each([
    ["latest", 0],
    ["1", 1],
  ] as const)(
    "pg15-timelines: a server follows timeline %s to its end",
    async (timeline, block) => {
      const expected = expectedRows(readFixture("pg15-timelines"))[block];
      await using restored = await restoredServer("pg15-timelines", "15", async () => {
        return [expected?.backup ?? ""];
      });
      restored.recoverToEnd([`recovery_target_timeline = '${timeline}'`]);
      await restored.cluster.start();
      await restored.waitFor("it is promoted", "select pg_is_in_recovery()", "f");
      expect(await tableRows(restored.cluster)).toEqual(expected?.rows);
    },
  );

  it("pg15-timelines: the backup is chosen by the LSN, on the timeline that it is on", async () => {
    await using restored = await restoredServer("pg15-timelines", "15", async (fixture) => {
      return ["--target-lsn", finishLsn(fixture, fixture.backups[1]?.name ?? "")];
    });
    expect(restored.stderr).toContain("Restoring base_00000002000000000000000C_D_0000000100");
    await restored.cluster.start();
    await restored.waitFor("it pauses", "select pg_get_wal_replay_pause_state()", "paused");
    await restored.waitFor(
      "it is on timeline 2",
      "select timeline_id::text from pg_control_checkpoint()",
      "2",
    );
  });

  it.each([
    ["a timeline that is not stored", ["--target-immediate", "--target-timeline", "7"]],
    [
      "a timeline that leaves before the backup",
      [NEWEST, "--target-immediate", "--target-timeline", "1"],
    ],
    ["a time before every backup", ["--target-time", "2020-01-01 00:00:00+00"]],
    ["an LSN before every backup", ["--target-lsn", "0/1"]],
    ["an LSN before the end of the named backup", [NEWEST, "--target-lsn", "0/D00000"]],
  ])("pg15-timelines: refuses %s before anything is copied", async (_title, args) => {
    using scratch = makeScratch("fixture");
    const fixture = copyFixture("pg15-timelines", scratch.path);
    const target = join(scratch.path, "data");
    const result = await fetchBackup(fixture, [target, ...args]);
    expect(result.stderr).toContain("no backup leads to");
    expect(result.exitCode).toBe(54);
    expect(existsSync(target)).toBe(false);
  });
});

function finishLsn(fixture: Fixture, backup: string): string {
  const path = `basebackups_005/${backup}_backup_stop_sentinel.json`;
  const text = readFileSync(join(fixture.repository, path), "utf8");
  const lsn = BigInt(/"FinishLSN":(\d+)/.exec(text)?.[1] ?? "");
  return formatLsn(toLsn(lsn));
}

/** `lsn 0/3065228` → the flags that ask for it. */
function targetFlags(target: string): readonly string[] {
  const [kind = "", ...rest] = target.split(" ");
  const isExclusive = rest.at(-1) === "exclusive";
  const value = (isExclusive ? rest.slice(0, -1) : rest).join(" ");
  return [`--target-${kind}`, value, ...(isExclusive ? ["--target-inclusive", "false"] : [])];
}

interface RestoredServer extends AsyncDisposable {
  readonly cluster: PostgresCluster;
  readonly stderr: string;
  log(): string;
  recoverToEnd(lines?: readonly string[]): void;
  /** Polls in `template1`, which every fixture has. */
  waitFor(claim: string, sql: string, value: string): Promise<void>;
}

async function restoredServer(
  name: string,
  version: PostgresVersion,
  argumentsOf: (fixture: Fixture, scratch: ScratchDir) => Promise<readonly string[]>,
): Promise<RestoredServer> {
  const scratch = makeScratch("fixture");
  const fixture = copyFixture(name, scratch.path);
  const target = join(scratch.path, "data");
  const result = await fetchBackup(fixture, [target, ...(await argumentsOf(fixture, scratch))]);
  expect(result.stderr).toContain("Backup extraction complete.");
  const cluster = await adoptDirectory({
    dataDir: target,
    version,
    // The fixture's server had a locale and folders of its own.
    settings: { archive_mode: "off", hot_standby: true },
    env: environmentOf(fixture),
  });
  return {
    cluster,
    stderr: result.stderr,
    log: () => cluster.logText(),
    waitFor: async (claim, sql, value) => {
      const connection = await cluster.connect({ database: "template1" });
      await cluster.waitUntil(claim, async () => {
        const { rows } = await connection.query(sql, { signal: AbortSignal.timeout(60_000) });
        return rows[0]?.[0] === value;
      });
      await connection.close();
    },
    recoverToEnd: (lines = []) => {
      const command = `restore_command = '${binaryPath()} wal-fetch "%f" "%p"'`;
      const text = [command, ...lines].join("\n");
      appendFileSync(join(target, "postgresql.auto.conf"), `${text}\n`);
      writeFileSync(join(target, "recovery.signal"), "");
      giveToServers(join(target, "recovery.signal"));
    },
    [Symbol.asyncDispose]: async () => {
      await cluster[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

/** The form of rows.txt, for all databases that allow connections. */
async function tableRows(cluster: PostgresCluster): Promise<readonly string[]> {
  const lines: string[] = [];
  const template = await cluster.connect({ database: "template1" });
  const databases = await template.query(
    "select datname from pg_database where datallowconn order by oid",
    { signal: AbortSignal.timeout(60_000) },
  );
  await template.close();
  for (const [database] of databases.rows) {
    const connection = await cluster.connect({ database: database ?? "" });
    const query = async (sql: string) => {
      return (await connection.query(sql, { signal: AbortSignal.timeout(60_000) })).rows;
    };
    const tables = await query(
      "select relname from pg_class where relnamespace = 'public'::regnamespace" +
        " and relkind = 'r' and relpersistence = 'p' order by oid",
    );
    for (const [table] of tables) {
      const [row] = await query(
        "select count(*) || '|' || md5(coalesce(string_agg(x::text, ',' order by x::text), ''))" +
          ` from "${table}" x`,
      );
      lines.push(`${database} ${table} ${row?.[0]}`);
    }
    await connection.close();
  }
  return lines;
}

async function fetchBackup(fixture: Fixture, args: readonly string[]): Promise<RunResult> {
  return await runBinary(["backup-fetch", ...args], { env: environmentOf(fixture) });
}

function environmentOf(fixture: Fixture): Readonly<Record<string, string>> {
  return { ...fixture.settings, WALG_FILE_PREFIX: fixture.repository };
}

/** The flags for the fixture's own restore-spec.json, with folders of this test in it. */
function restoreSpec(fixture: Fixture, scratch: ScratchDir): readonly string[] {
  if (fixture.name !== "pg15-tablespaces") return [];
  const text = readFileSync(join(fixture.source, "restore-spec.json"), "utf8")
    .replaceAll("DATA", join(scratch.path, "data"))
    .replaceAll("TABLESPACE_", join(scratch.path, "TABLESPACE_"));
  const path = join(scratch.path, "restore-spec.json");
  mkdirSync(scratch.path, { recursive: true });
  writeFileSync(path, text);
  return ["--restore-spec", path];
}

/** Entries of the tablespaces' folders, under the folders' names. */
function listTablespaces(scratch: ScratchDir): readonly string[] {
  return ["TABLESPACE_1", "TABLESPACE_2"].flatMap((name) => {
    const folder = join(scratch.path, name);
    if (!existsSync(folder)) return [];
    return listDirectory(folder).map((line) => line.replace(/^((?:\S+ ){4})/, `$1${name}/`));
  });
}

function withoutScratch(line: string, scratch: ScratchDir): string {
  return line.replace(`${scratch.path}/`, "");
}

function sortedByPath(lines: readonly string[]): readonly string[] {
  const pathOf = (line: string) => line.split(" ").slice(4).join(" ");
  return [...lines].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}
