// Proves that a restore of only some files cannot be mistaken for a cluster: with a mask no server
// can start on it; of a partial restore real servers recover, with WAL that touches what is left
// out, give the rows of what was asked for, and fail on everything else until it is dropped.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { toBackupName } from "../../src/catalog/backup-name.ts";
import { encodeIncrementPrelude } from "../../src/delta/increment-writer.ts";
import { openFileStorage } from "../../src/storage/file/driver.ts";
import { concatBytes } from "../../src/stream/byte-stream.ts";
import { BackupSite } from "../support/backup-site.ts";
import { listDirectory } from "../support/directory-listing.ts";
import { copyFixture } from "../support/fixture.ts";
import { LABEL_ENTRIES, type MadeEntry, storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import type { PostgresCluster } from "../support/postgres-cluster.ts";
import { restoreHere } from "../support/restore.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

it("G42 a mask brings its files only, and nothing that could start", async () => {
  using scratch = makeScratch("g42");
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository);
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir, options: { mask: "base/1/*" } });
  expect(readdirSync(join(targetDir, "base/1"))).toEqual(["112"]);
  expect(existsSync(join(targetDir, "PG_VERSION"))).toBe(false);
  expect(readdirSync(join(targetDir, "global"))).toEqual([]);
});

it("G42 names that the backup does not hold are refused, and nothing is made", async () => {
  using scratch = makeScratch("g42");
  const fixture = copyFixture("pg15-brotli-full", scratch.path);
  const target = join(scratch.path, "data");
  const args = ["backup-fetch", target, "LATEST", "--restore-only", "template1,nowhere/t"];
  const result = await runBinary(args, { env: { WALG_FILE_PREFIX: fixture.repository } });
  expect(result.stderr).toContain("--restore-only nowhere/t");
  expect(result.exitCode).toBe(2);
  expect(existsSync(target)).toBe(false);
});

it("G42 of a chain of WAL-G's the chosen database is as a full restore has it", async () => {
  using scratch = makeScratch("g42");
  const fixture = copyFixture("pg15-delta-chain", scratch.path);
  const driver = openFileStorage(fixture.repository, { below: "", clock: SYSTEM_CLOCK });
  const repository = await memoryRepository("zstd", driver);
  const backup = toBackupName(fixture.backups.at(-1)?.name ?? "");
  const listed = async (only: readonly string[]) => {
    const targetDir = join(scratch.path, only.join() || "all");
    const options = { only, syncsFiles: false };
    const lines = await restoreHere({ repository, backup, targetDir, options });
    return { files: listDirectory(targetDir), log: lines.join("\n") };
  };
  const all = (await listed([])).files;
  expect((await listed(["other"])).files).toEqual(all);
  const { files, log } = await listed(["template1"]);
  expect(log).toContain('are to be dropped: "other"');
  const pathOf = (line: string) => line.split(" ").slice(4).join(" ");
  const changed = all.filter((line) => !files.includes(line)).map(pathOf);
  // Relations of users have numbers from 16384 on; the maps of space are made anew.
  const isLeftOut = (path: string) => /^base\/16409\/(\d{5,}|pg_filenode\.map)/.test(path);
  expect(changed.filter((path) => !isLeftOut(path))).toEqual([]);
  expect(changed.length).toBeGreaterThan(3);
  expect(changed).toContain("base/16409/pg_filenode.map");
  for (const path of changed.filter((name) => !name.includes("_"))) {
    expect(files.map(pathOf)).toContain(path);
  }
});

it("G42 a table that was empty in the full backup of WAL-G does not come back empty", async () => {
  using scratch = makeScratch("g42");
  const repository = await memoryRepository("zstd");
  const table = "/base/16500/16501";
  const facts = { MTime: "2026-01-01T10:00:00Z", IsSkipped: false, UpdatesCount: 0 };
  const listOf = (isIncremented: boolean) =>
    JSON.stringify({
      Files: {
        "/PG_VERSION": { ...facts, IsIncremented: false },
        [table]: { ...facts, IsIncremented: isIncremented },
      },
      DatabasesByNames: {
        kept: { oid: 16400, tables_new: {} },
        lost: { oid: 16500, tables_new: { "public.t": { oid: 16501, relfilenode: 16501 } } },
      },
    });
  const control = new Uint8Array(
    readFileSync(join(import.meta.dirname, "../golden/pg-control/17.bin")),
  );
  const store = (name: string, entry: MadeEntry, sentinel: Readonly<Record<string, unknown>>) =>
    storeBackup(repository, {
      name,
      hasReceipts: false,
      filesMetadata: listOf(entry.isIncrement === true),
      sentinel: { PgVersion: 170_000, SystemIdentifier: 7711695318746939096n, ...sentinel },
      parts: {
        part_001: [{ name: "/PG_VERSION", content: "17\n" }, entry],
        pg_control: [{ name: "/global/pg_control", content: control }],
        backup_label: LABEL_ENTRIES,
      },
    });
  const full = await store("base_000000010000000000000002", { name: table }, {});
  const blocks = Uint32Array.of(0);
  const prelude = encodeIncrementPrelude(8192, blocks);
  const content = concatBytes([prelude, new Uint8Array(8192).fill(1)]);
  const backup = await store(
    "base_000000010000000000000004_D_000000010000000000000002",
    { name: table, content, isIncrement: true },
    { DeltaLSN: 0x2000028, DeltaFrom: full, DeltaFullName: full, DeltaCount: 1 },
  );
  const targetDir = join(scratch.path, "data");
  await restoreHere({ repository, backup, targetDir, options: { only: ["kept"] } });
  expect(statSync(join(targetDir, table)).size).toBe(8192);
});

/** A table each, with an index of that method only, and a search that uses it. */
const INDEXED = [
  { method: "btree", column: "id", search: "id = 7" },
  { method: "hash", column: "r", search: "r = int4range(7, 8)" },
  { method: "gist", column: "p", search: "p <@ box '(0,0,9,9)'" },
  { method: "spgist", column: "p", search: "p <@ box '(0,0,9,9)'" },
  { method: "gin", column: "a", search: "a @> ARRAY[7]" },
  { method: "brin", column: "r", search: "r && int4range(7, 8)" },
];

/** Every kind of relation that a partial restore may leave out, each with a row that is missed. */
const LEFT_OUT = [
  "CREATE TABLE heap (id int PRIMARY KEY, t text)",
  "INSERT INTO heap SELECT g, repeat('x', 200) FROM generate_series(1, 20000) g",
  "CREATE TABLE large (t text)",
  "ALTER TABLE large ALTER t SET STORAGE EXTERNAL",
  "INSERT INTO large SELECT repeat(g::text, 9000) FROM generate_series(1, 20) g",
  ...INDEXED.flatMap(({ method, column }) => [
    `CREATE TABLE by_${method} (id int, p point, r int4range, a int[])`,
    `INSERT INTO by_${method} SELECT g, point(g, g), int4range(g, g + 1), ARRAY[g] ` +
      "FROM generate_series(1, 2000) g",
    `CREATE INDEX ON by_${method} USING ${method} (${column})`,
  ]),
  "CREATE TABLE visible AS SELECT g AS id FROM generate_series(1, 2000) g",
  "CREATE SEQUENCE counter",
  "SELECT nextval('counter')",
];

const TABLES = INDEXED.map(({ method }) => `by_${method}`).join(", ");

/** What fails on a server that was restored without them. */
const FAILING = [
  "SELECT count(*) FROM heap",
  "SELECT t FROM heap WHERE id = 7",
  "SELECT t FROM large LIMIT 1",
  ...INDEXED.flatMap(({ method, search }) => [
    `SELECT count(*) FROM by_${method}`,
    `SET enable_seqscan = off; SELECT count(*) FROM by_${method} WHERE ${search}`,
  ]),
  "SELECT nextval('counter')",
  "VACUUM heap",
  "ANALYZE large",
];

describe.each([
  ["15", true],
  ["15", false],
  ["18", true],
] as const)("G42 a partial restore on PostgreSQL %s (page checksums: %s)", (version, checksums) => {
  let site: BackupSite;
  let backup = "";

  beforeAll(async () => {
    site = await BackupSite.create({ version, checksums, settings: { autovacuum: "off" } });
    for (const name of ["shop", "other"]) await site.cluster.query(`CREATE DATABASE ${name}`);
    await run(site.cluster, "shop", [
      "CREATE TABLE orders (id int PRIMARY KEY, t text)",
      "ALTER TABLE orders ALTER t SET STORAGE EXTERNAL",
      "INSERT INTO orders SELECT g, repeat(g::text, 3000) FROM generate_series(1, 50) g",
      ...LEFT_OUT,
    ]);
    await run(site.cluster, "other", LEFT_OUT);
    await site.cluster.query("CHECKPOINT");
    backup = (await site.mustPush()).name;
    // WAL that the restored server replays on what is not there.
    const work = [
      "UPDATE heap SET t = 'y' WHERE id % 500 = 0",
      "INSERT INTO heap SELECT g, 'z' FROM generate_series(20001, 21000) g",
      ...INDEXED.map(({ method }) => `DELETE FROM by_${method} WHERE id = 7`),
      // Marks pages as visible to all, without their content where they were not changed.
      "VACUUM visible",
      "CREATE TABLE later (i int)",
      "INSERT INTO later VALUES (1)",
    ];
    await run(site.cluster, "shop", [...work, "INSERT INTO orders VALUES (51, 'last')"]);
    await run(site.cluster, "other", work);
    await site.archiveAll();
  }, 120_000);

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  it("gives the tables that were asked for; the rest fails, and can be dropped", async () => {
    const only = ["--restore-only", "shop/orders,shop/orders_pkey"];
    await using restored = await site.restore(backup, { args: only });
    const digest = "SELECT count(*) || ' ' || sum(length(t)) FROM orders";
    const [expected] = await run(site.cluster, "shop", [digest]);
    expect(await run(restored, "shop", [digest])).toEqual([expected]);
    expect(await run(restored, "shop", ["SELECT t FROM orders WHERE id = 51"])).toEqual(["last"]);
    for (const statement of FAILING) {
      await expect(run(restored, "shop", [statement]), statement).rejects.toThrow();
    }
    // With page checksums the VACUUM wrote every page whole into the WAL: then it is all there.
    const visible = run(restored, "shop", ["SELECT count(*) FROM visible"]);
    if (checksums) expect(await visible).toEqual(["2000"]);
    else await expect(visible).rejects.toThrow();
    // A table that began its life after the backup is whole.
    expect(await run(restored, "shop", ["SELECT i FROM later"])).toEqual(["1"]);
    await run(restored, "shop", [
      `DROP TABLE heap, large, visible, ${TABLES}`,
      "DROP SEQUENCE counter",
    ]);
    await expect(run(restored, "other", ["SELECT 1"])).rejects.toThrow(/pg_filenode\.map|mapping/);
    await restored.query("DROP DATABASE other");
    await run(restored, "shop", ["VACUUM", "CHECKPOINT"]);
    expect(restored.logText()).not.toMatch(/PANIC|terminated by signal/);
  });

  it("gives a whole database, with all that is in it", async () => {
    await using restored = await site.restore(backup, { args: ["--restore-only", "other"] });
    const statement = "SELECT (SELECT count(*) FROM heap) + (SELECT count(*) FROM by_gist)";
    const [expected] = await run(site.cluster, "other", [statement]);
    expect(await run(restored, "other", [statement])).toEqual([expected]);
    await expect(run(restored, "shop", ["SELECT 1"])).rejects.toThrow();
  });
});

/** Runs statements in a database; the first column of the last row of each that gives one. */
async function run(
  cluster: PostgresCluster,
  database: string,
  statements: readonly string[],
): Promise<readonly string[]> {
  const connection = await cluster.connect({ database });
  try {
    const values: string[] = [];
    const signal = AbortSignal.timeout(60_000);
    for (const statement of statements) {
      for (const one of statement.split("; ")) {
        const { rows } = await connection.query(one, { signal });
        const value = rows.at(-1)?.[0];
        if (typeof value === "string") values.push(value);
      }
    }
    return values;
  } finally {
    await connection.close();
  }
}
