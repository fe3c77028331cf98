// The names for partial restores are proven in two ways: of WAL-G's own backups, restored and
// started, the very names are collected that WAL-G wrote; and backups of the compiled binary name
// the files of partitions, children and oddly named tables as the server's catalog has them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { UTC_ZONE } from "../../src/base/local-zone.ts";
import { collectDatabaseNames } from "../../src/database/postgres/database-names.ts";
import { FilesMetadataWriter } from "../../src/database/postgres/files-metadata-writer.ts";
import { PostgresSession } from "../../src/database/postgres/session.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { BackupSite } from "../support/backup-site.ts";
import { copyFixture, readFixture } from "../support/fixture.ts";
import { recordingLogger } from "../support/memory-repository.ts";
import { adoptDirectory, type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { runBinary } from "../support/run-binary.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";

interface NamedTable {
  readonly oid: number;
  readonly relfilenode: number;
  readonly subtables?: Readonly<Record<string, { oid: number; relfilenode: number }>>;
}

interface NamedDatabase {
  readonly oid: number;
  readonly tables_new?: Readonly<Record<string, NamedTable>>;
}

type DatabasesByNames = Readonly<Record<string, NamedDatabase>>;

function namesIn(document: string): DatabasesByNames | undefined {
  return (JSON.parse(document) as { DatabasesByNames?: DatabasesByNames }).DatabasesByNames;
}

async function collectedNames(cluster: PostgresCluster): Promise<DatabasesByNames | undefined> {
  const { log, lines } = recordingLogger();
  const signal = AbortSignal.timeout(60_000);
  const connection = { ...cluster.connectionSettings, database: "template1" };
  await using server = await PostgresSession.open({
    connection,
    clock: SYSTEM_CLOCK,
    signal,
    aliveCheckIntervalMs: 0,
  });
  const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
  await collectDatabaseNames({ server, connection, clock: SYSTEM_CLOCK, log, signal }, writer);
  expect(lines).toEqual([]);
  const bytes = await collect(writer.finish("").open(signal), 1 << 24);
  return namesIn(new TextDecoder().decode(bytes));
}

describe("the names that WAL-G wrote", () => {
  const cases = (
    [
      ["pg13-lz4-full", "13"],
      ["pg15-lz4-full", "15"],
      ["pg15-delta-chain", "15"],
      ["pg15-tablespaces", "15"],
      ["pg17-zstd-delta", "17"],
      ["pg18-zstd-delta", "18"],
    ] as const
  ).flatMap(([fixture, version]) => {
    return readFixture(fixture).backups.map(({ name }) => ({ fixture, version, name }));
  });

  test.each(cases)("$fixture: $name", async ({ fixture: title, version, name }) => {
    using scratch = makeScratch("names");
    const fixture = copyFixture(title, scratch.path);
    const path = join(fixture.repository, "basebackups_005", name, "files_metadata.json");
    const recorded = namesIn(readFileSync(path, "utf8"));
    expect(Object.keys(recorded ?? {})).toContain("template1");
    const env = { ...fixture.settings, WALG_FILE_PREFIX: fixture.repository };
    const dataDir = join(scratch.path, "data");
    const spec = title === "pg15-tablespaces" ? tablespaceSpec(fixture.source, scratch.path) : [];
    const args = ["backup-fetch", dataDir, name, "--target-immediate", ...spec];
    expect((await runBinary(args, { env })).stderr).toContain("Backup extraction complete.");
    await using cluster = await adoptDirectory({
      dataDir,
      version,
      settings: { archive_mode: "off", hot_standby: true },
      env,
    });
    await cluster.start();
    expect(await collectedNames(cluster)).toEqual(recorded);
  });
});

/** The flags that put the fixture's tablespaces below the test's folder. */
function tablespaceSpec(source: string, folder: string): readonly string[] {
  const text = readFileSync(join(source, "restore-spec.json"), "utf8")
    .replaceAll("DATA", join(folder, "data"))
    .replaceAll("TABLESPACE_", join(folder, "TABLESPACE_"));
  const path = join(folder, "restore-spec.json");
  writeFileSync(path, text);
  return ["--restore-spec", path];
}

const ODD_DATABASE = `it's "ünïcødé".a\\b 雪`;

const ODD_TABLES = `
  CREATE SCHEMA "S.1 ""q"" 'é' \\ 雪";
  CREATE TABLE "S.1 ""q"" 'é' \\ 雪"."T.""2"" 'ß' \\ 🐘" (i int PRIMARY KEY);
  CREATE SCHEMA "a.b"; CREATE SCHEMA a;
  CREATE TABLE "a.b".c (); CREATE TABLE a."b.c" ();
  CREATE VIEW v AS SELECT 1;
  CREATE TYPE composite AS (i int)`;

const FAMILIES = `
  CREATE SCHEMA other;
  CREATE TABLE root (i int PRIMARY KEY, t text) PARTITION BY RANGE (i);
  CREATE TABLE middle PARTITION OF root FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (i);
  CREATE TABLE other.leaf PARTITION OF middle FOR VALUES FROM (0) TO (50);
  CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (100) TO (200);
  CREATE TABLE other.root (i int) PARTITION BY RANGE (i);
  CREATE TABLE other.own PARTITION OF other.root DEFAULT;
  CREATE TABLE mother (m int); CREATE TABLE father (f int);
  CREATE TABLE child (c int) INHERITS (mother, father);
  CREATE TABLE grandchild () INHERITS (child);
  CREATE TABLE rewritten AS SELECT 1 i; TRUNCATE rewritten;
  CREATE MATERIALIZED VIEW matview AS SELECT 1 i;
  CREATE SEQUENCE counter;
  CREATE UNLOGGED TABLE unlogged (i int);
  CREATE TABLE far (i int) TABLESPACE extra;
  VACUUM FULL pg_class`;

/** What stands where: names only, without those of the system and of what tables have beside. */
function shape(database: NamedDatabase | undefined): Record<string, readonly string[]> {
  const tables = Object.entries(database?.tables_new ?? {});
  const own = tables.filter(([name]) => !/^(pg_catalog|pg_toast|information_schema)\./.test(name));
  return Object.fromEntries(
    own.map(([name, { subtables = {} }]) => [name, Object.keys(subtables).toSorted()]),
  );
}

/** Every number that the names hold; 0 of partitioned tables left out. */
function namedFiles(database: NamedDatabase | undefined): Set<number> {
  const tables = Object.values(database?.tables_new ?? {});
  const all = tables.flatMap((table) => [table, ...Object.values(table.subtables ?? {})]);
  return new Set(all.map(({ relfilenode }) => relfilenode).filter((node) => node !== 0));
}

/** Every relation's file of a database that the backup holds, shared catalogs included. */
function storedFiles(document: string, oid: number): Set<number> {
  const { Files } = JSON.parse(document) as { Files: Record<string, unknown> };
  const file = new RegExp(`^/(?:base/${oid}|global|pg_tblspc/\\d+/[^/]+/${oid})/(\\d+)(?:_init)?$`);
  return new Set(Object.keys(Files).flatMap((name) => Number(file.exec(name)?.[1] ?? []) || []));
}

async function runIn(cluster: PostgresCluster, database: string, sql: string): Promise<void> {
  await using connection = await cluster.connect({ database });
  for (const one of sql.split(";\n")) {
    await connection.query(one, { signal: AbortSignal.timeout(60_000) });
  }
}

/** A server whose databases have all that names must cope with. */
async function oddSite(version: PostgresVersion): Promise<BackupSite> {
  const site = await BackupSite.create({ version });
  const { cluster } = site;
  const location = join(site.scratch.path, "space");
  mkdirSync(location);
  giveToServers(location);
  await cluster.query(`CREATE TABLESPACE extra LOCATION '${location}'`);
  const odd = `"${ODD_DATABASE.replaceAll('"', '""')}"`;
  for (const name of ["families", "closed", "broken", "latin", "bytes", odd]) {
    const encoding = { latin: "LATIN1", bytes: "SQL_ASCII" }[name] ?? "UTF8";
    await cluster.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}'`);
  }
  await runIn(cluster, "families", FAMILIES);
  await runIn(cluster, ODD_DATABASE, ODD_TABLES);
  await runIn(cluster, "latin", 'CREATE TABLE "tête" (i int)');
  // Its name is one byte in LATIN1, which is no UTF-8.
  await runIn(cluster, "latin", 'CREATE DATABASE "é" TEMPLATE template0');
  const bytes = "CREATE TABLE \"' || convert_from('\\xe9', 'SQL_ASCII') || '\" (i int)";
  await runIn(cluster, "bytes", `DO $$ BEGIN EXECUTE '${bytes}'; END $$`);
  await cluster.query("ALTER DATABASE families SET search_path = nowhere");
  await cluster.query("ALTER DATABASE families SET statement_timeout = 1");
  await cluster.query("ALTER DATABASE closed ALLOW_CONNECTIONS false");
  // As an interrupted DROP DATABASE leaves it.
  await cluster.query("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'");
  return site;
}

describe.each<PostgresVersion>(["13", "15", "18"])(
  "names of a backup, PostgreSQL %s",
  (version) => {
    test("each file of each database that lets itself be asked has its name", async () => {
      await using site = await oddSite(version);
      const { name, log } = await site.mustPush();
      const document = site.document(`basebackups_005/${name}/files_metadata.json`);
      const databases = namesIn(document) ?? {};
      expect(Object.keys(databases).toSorted()).toEqual(
        ["families", "bytes", "latin", "postgres", "template1", ODD_DATABASE].toSorted(),
      );
      expect(shape(databases["families"])).toEqual({
        "public.root": ["other.leaf", "public.leaf", "public.middle"],
        "other.root": ["other.own"],
        "public.mother": ["public.child", "public.grandchild"],
        "public.father": ["public.child", "public.grandchild"],
        "other.leaf_pkey": [],
        "public.leaf_pkey": [],
        "public.rewritten": [],
        "public.matview": [],
        "public.counter": [],
        "public.unlogged": [],
        "public.far": [],
      });
      const oddTable = `S.1 "q" 'é' \\ 雪.T."2" 'ß' \\ 🐘`;
      expect(shape(databases[ODD_DATABASE])).toEqual({
        [oddTable]: [],
        [`${oddTable}_pkey`]: [],
        "a.b.c": [],
      });
      expect(shape(databases["latin"])).toEqual({ "public.tête": [] });
      expect(shape(databases["bytes"])).toEqual({ "public.\ufffd": [] });
      for (const [title, database] of Object.entries(databases)) {
        const missing = storedFiles(document, database.oid).difference(namedFiles(database));
        const strange = namedFiles(database).difference(storedFiles(document, database.oid));
        // Two tables of one name: only one can have it.
        expect(missing.size, title).toBe(title === ODD_DATABASE ? 1 : 0);
        expect([...strange], title).toEqual([]);
      }
      const warnings = log.split("\n").filter((line) => line.includes("partial restores"));
      expect(warnings).toEqual([
        expect.stringMatching(/database "broken" is left out of the names for .*invalid database/),
        expect.stringContaining('several relations are "a.b.c" in the names for partial restores'),
        expect.stringMatching(
          /database "\ufffd" is left out of the names .*: its name is not UTF-8/,
        ),
      ]);
      expect(site.listed()).toEqual([name]);
      await site.waitUntilIdle();
    });
  },
);

test("a database whose catalog is locked holds the backup up for a while only", async () => {
  await using cluster = await startCluster({ version: "15" });
  await cluster.query("CREATE DATABASE held");
  const signal = AbortSignal.timeout(60_000);
  const holder = await cluster.connect({ database: "held" });
  await holder.query("BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE", { signal });
  // Minutes of the limit are seconds here.
  const clock = {
    ...SYSTEM_CLOCK,
    sleep: (ms: number, stop: AbortSignal) => SYSTEM_CLOCK.sleep(ms / 150, stop),
  };
  const { log, lines } = recordingLogger();
  const found: string[] = [];
  const connection = cluster.connectionSettings;
  const options = { connection, clock, signal, aliveCheckIntervalMs: 0 };
  await using server = await PostgresSession.open(options);
  await collectDatabaseNames(
    { server, connection, clock, log, signal },
    { addDatabase: (name) => found.push(name) },
  );
  expect(lines).toEqual([
    'warning: database "held" is left out of the names for partial restores: ' +
      "no answer within 300 s",
  ]);
  expect(found.toSorted()).toEqual(["postgres", "template1"]);
  await holder.close();
});

test("names are left out of a streamed backup, and where they are not wanted", async () => {
  await using site = await BackupSite.create({ version: "15" });
  const settings = { WALG_DISABLE_PARTIAL_RESTORE: "true" };
  const unwanted = await site.mustPush([], { settings });
  const streamed = await site.mustPush([], { directory: null });
  for (const { name } of [unwanted, streamed]) {
    const document = site.document(`basebackups_005/${name}/files_metadata.json`);
    expect(document).toContain('"Files":{');
    expect(namesIn(document)).toBeUndefined();
  }
});
