// What archived WAL of real servers, 13 to 18, says of changed blocks covers every page that
// differs between two copies of the data directory, with maps and from the WAL alone; on 15 the
// blocks are exactly those that pg_waldump names.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { walReader } from "../../src/database/journal-reader.ts";
import {
  findByDeltaMaps,
  type MapFinding,
} from "../../src/database/postgres/recorded-map-finder.ts";
import type { ChangeRecord } from "../../src/delta/changed-pages.ts";
import { type Lsn, parseLsn } from "../../src/delta/lsn.ts";
import { relationFileOf } from "../../src/delta/relation-file.ts";
import { BlockReferences } from "../../src/wal/block-references.ts";
import { RecordWalker } from "../../src/wal/record-walker.ts";
import { SegmentCheck } from "../../src/wal/segment-check.ts";
import { isSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";
import { archiveWal } from "../support/archived-wal.ts";
import { ChangeLog } from "../support/change-log.ts";
import { memoryRepository, recordingLogger } from "../support/memory-repository.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import {
  POSTGRES_VERSIONS,
  type PostgresVersion,
  postgresTool,
} from "../support/postgres-install.ts";
import { relationFiles } from "../support/relation-files.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";

const SEGMENT_BYTES = 1 << 20;
const PAGE_BYTES = 8192;
const { signal } = new AbortController();

/** Before the first copy: what later statements change, and what nobody does. */
const BEFORE = `
  CREATE TABLE still AS SELECT i, repeat('s', 200) t FROM generate_series(1, 2000) i;
  VACUUM (FREEZE) still;
  CREATE TABLE changed (i int PRIMARY KEY, t text, v int);
  INSERT INTO changed SELECT i, repeat('c', 200), i % 7 FROM generate_series(1, 5000) i;
  CREATE INDEX changed_v ON changed (v);
  CREATE TABLE cut AS SELECT i, repeat('d', 200) t FROM generate_series(1, 5000) i;
  CREATE TABLE emptied AS SELECT i FROM generate_series(1, 2000) i;
  CREATE TABLE rewritten AS SELECT i, repeat('r', 300) t FROM generate_series(1, 3000) i;
  CREATE TABLE gone AS SELECT i FROM generate_series(1, 2000) i;
  CREATE UNLOGGED TABLE free AS SELECT i FROM generate_series(1, 2000) i;
  CREATE TABLE big (i int, t text);
  ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
  CREATE SEQUENCE counter;
  CREATE TABLE words AS SELECT i, array[i, i % 100] a, point(i, i % 50) p, 'w' || i w
    FROM generate_series(1, 3000) i;
  CREATE DATABASE olddb`;

/** Each a transaction of its own. */
const CHANGES: readonly string[] = [
  "INSERT INTO changed SELECT i, repeat('n', 100), i FROM generate_series(5001, 7000) i",
  "UPDATE changed SET v = v + 1 WHERE i % 10 = 0",
  "DELETE FROM changed WHERE i BETWEEN 100 AND 300",
  "VACUUM (FREEZE) changed",
  "DELETE FROM cut WHERE i > 500",
  "VACUUM cut",
  "INSERT INTO cut SELECT i, repeat('e', 200) FROM generate_series(1, 300) i",
  "TRUNCATE emptied",
  "INSERT INTO emptied SELECT i FROM generate_series(1, 500) i",
  `BEGIN; CREATE TABLE refilled AS SELECT i FROM generate_series(1, 3000) i; TRUNCATE refilled;
   INSERT INTO refilled VALUES (1); COMMIT`,
  "VACUUM FULL rewritten",
  "CREATE INDEX rewritten_i ON rewritten (i); CLUSTER rewritten USING rewritten_i",
  "DROP TABLE gone",
  "INSERT INTO free SELECT i FROM generate_series(1, 500) i",
  "ALTER TABLE free SET LOGGED",
  "INSERT INTO big SELECT i, repeat('b', 20000) FROM generate_series(1, 60) i",
  "SELECT nextval('counter') FROM generate_series(1, 100)",
  "CREATE INDEX words_hash ON words USING hash (i)",
  "CREATE INDEX words_gin ON words USING gin (a)",
  "CREATE INDEX words_gist ON words USING gist (p)",
  "CREATE INDEX words_brin ON words USING brin (i)",
  "CREATE INDEX words_spgist ON words USING spgist (w)",
  `INSERT INTO words SELECT i, array[i, i % 9], point(i, i), 'x' || i
   FROM generate_series(1, 3000) i`,
  "DELETE FROM words WHERE i % 3 = 0",
  "VACUUM words",
  "BEGIN; INSERT INTO changed VALUES (90001, 'prepared', 1); PREPARE TRANSACTION 'kept'",
  "COMMIT PREPARED 'kept'",
  `BEGIN; CREATE TABLE never AS SELECT i FROM generate_series(1, 500) i;
   PREPARE TRANSACTION 'dropped'`,
  "ROLLBACK PREPARED 'dropped'",
  `BEGIN; SAVEPOINT s; CREATE TABLE half AS SELECT 1 i; INSERT INTO changed VALUES (90002, 'a', 1);
   ROLLBACK TO s; INSERT INTO changed VALUES (90003, 'b', 1); COMMIT`,
  "CREATE TABLE copied (i int)",
  "COPY (SELECT i FROM generate_series(1, 5000) i) TO PROGRAM 'cat > copied.txt'",
  "COPY copied FROM PROGRAM 'cat copied.txt'",
  "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM changed",
  "REFRESH MATERIALIZED VIEW seen",
  "DROP DATABASE olddb",
  "CREATE DATABASE newdb",
  "ALTER TABLE changed ADD COLUMN added int DEFAULT 7",
  "SELECT sum(v) FROM changed",
  "ANALYZE",
];

interface Evidence {
  /** A copy of the data directory from before the changes. */
  readonly oldDir: string;
  readonly from: Lsn;
  readonly to: Lsn;
  readonly segments: readonly (readonly [SegmentName, Uint8Array])[];
  readonly archiveDir: string;
  /** A table that nothing changes. */
  readonly stillPath: string;
}

async function changeServer(
  cluster: PostgresCluster,
  place: { readonly archiveDir: string; readonly oldDir: string },
  version: PostgresVersion,
): Promise<Evidence> {
  for (const statement of BEFORE.split(";")) await cluster.query(statement);
  const stillPath = await cluster.value("SELECT pg_relation_filepath('still')");
  await endGroup(cluster);
  const from = parseLsn(await cluster.value("SELECT pg_current_wal_insert_lsn()"));
  await cluster.stop();
  cpSync(cluster.dataDir, place.oldDir, { recursive: true });
  await cluster.start();
  const spaceDir = join(place.archiveDir, "space");
  mkdirSync(spaceDir);
  giveToServers(spaceDir);
  const moves = [
    `CREATE TABLESPACE space LOCATION '${spaceDir}'`,
    "ALTER TABLE rewritten SET TABLESPACE space",
    "CREATE DATABASE spaced TABLESPACE space",
    ...(Number(version) >= 15
      ? ["CREATE DATABASE filed STRATEGY file_copy", "CREATE DATABASE logged STRATEGY wal_log"]
      : []),
  ];
  for (const [index, statement] of [...CHANGES, ...moves].entries()) {
    if (index === 12) await useCompression(cluster, version);
    if (index === 20) await cluster.query("CHECKPOINT");
    await cluster.query(statement);
  }
  const last = await endGroup(cluster);
  const to = parseLsn(await cluster.value("SELECT pg_current_wal_insert_lsn()"));
  await cluster.stop();
  const segments = readdirSync(place.archiveDir)
    .sort()
    .filter(isSegmentName)
    .filter((name) => name <= last)
    .map((name): readonly [SegmentName, Uint8Array] => [
      name,
      new Uint8Array(readFileSync(join(place.archiveDir, name))),
    ]);
  return { ...place, from, to, segments, stillPath };
}

/** Archives up to the end of 16 segments, so that their map is complete; the last of them. */
async function endGroup(cluster: PostgresCluster): Promise<string> {
  for (;;) {
    const last = await cluster.switchWal();
    if (!last.endsWith("F")) continue;
    await cluster.waitUntilArchived(last);
    return last;
  }
}

/** lz4 where the server has it; pglz, which every one has, was on before. */
async function useCompression(cluster: PostgresCluster, version: PostgresVersion): Promise<void> {
  if (Number(version) < 15) return;
  const methods = await cluster.value(
    "SELECT enumvals::text FROM pg_settings WHERE name = 'wal_compression'",
  );
  const method = ["lz4", "zstd"].find((name) => methods.includes(name)) ?? "pglz";
  await cluster.query(`ALTER SYSTEM SET wal_compression = '${method}'`);
  await cluster.query("SELECT pg_reload_conf()");
  await cluster.query("CHECKPOINT");
}

async function find(
  cluster: { readonly version: PostgresVersion; readonly systemIdentifier: bigint },
  evidence: Evidence,
  options: { readonly records: boolean },
): Promise<MapFinding> {
  const repository = await memoryRepository("none");
  await archiveWal(repository, evidence.segments, options);
  return await findByDeltaMaps({
    journal: walReader(repository),
    server: {
      majorVersion: Number(cluster.version),
      systemIdentifier: cluster.systemIdentifier,
      walSegmentBytes: SEGMENT_BYTES,
      blockBytes: PAGE_BYTES,
    },
    parent: { timeline: 1, startLsn: evidence.from },
    start: { timeline: 1, startLsn: evidence.to },
    history: undefined,
    waitMs: 0,
    clock: SYSTEM_CLOCK,
    log: recordingLogger().log,
    signal,
  });
}

/** Pages that differ and that the record does not name, and how many differ. */
function lostPages(record: ChangeRecord, oldDir: string, newDir: string) {
  const lost: string[] = [];
  let differing = 0;
  for (const path of relationFiles(newDir)) {
    const file = relationFileOf(path);
    if (file?.fork !== "main" || existsSync(join(newDir, `${path.split(".")[0]}_init`))) continue;
    const fresh = readFileSync(join(newDir, path));
    const isOld = existsSync(join(oldDir, path));
    const old = isOld ? readFileSync(join(oldDir, path)) : Buffer.alloc(0);
    const blockCount = fresh.byteLength / PAGE_BYTES;
    const changed = record.changedBlocks(file, blockCount);
    const named = changed === "all" ? undefined : new Set(changed);
    // What a new file holds was made under the eyes of the WAL.
    if (!isOld && named !== undefined) lost.push(`${path}: is new`);
    for (let block = 0; block < blockCount; block += 1) {
      const piece = (bytes: Buffer) => bytes.subarray(block * PAGE_BYTES, (block + 1) * PAGE_BYTES);
      const before = piece(old).byteLength === 0 ? Buffer.alloc(PAGE_BYTES) : piece(old);
      if (piece(fresh).equals(before)) continue;
      differing += 1;
      if (named?.has(block) === false) lost.push(`${path}: ${block}`);
    }
  }
  return { lost, differing };
}

function expectLikeWaldump({ archiveDir, segments }: Evidence): void {
  const first = segments[0]?.[0] ?? "";
  const last = segments.at(-1)?.[0] ?? "";
  const command = [postgresTool("pg_waldump"), "-b", "-p", archiveDir, first, last];
  const { stdout, stderr } = Bun.spawnSync(command);
  const theirs = [...stdout.toString().matchAll(/blkref #\d+: rel (\S+) fork \w+ blk (\d+)/g)];
  const changes = new ChangeLog();
  const walker = new RecordWalker(new BlockReferences(changes));
  for (const [name, bytes] of segments) {
    const check = new SegmentCheck(name, { owner: {}, checksRecords: true, walker });
    check.update(bytes);
    check.finish();
    walker.nextSegment();
  }
  const ours = changes.entries.filter((entry) => !entry.endsWith("+"));
  expect(theirs.length, stderr.toString()).toBeGreaterThan(10_000);
  expect(ours).toEqual(theirs.map(([, relation, block]) => `${relation}:${block}`));
}

test.each(POSTGRES_VERSIONS)("PostgreSQL %s: every page that differs is named", async (version) => {
  using scratch = makeScratch("delta-maps");
  const archiveDir = join(scratch.path, "archive");
  mkdirSync(archiveDir);
  giveToServers(archiveDir);
  await using cluster = await startCluster({
    version,
    walSegmentMiB: 1,
    archive: { command: `cp %p ${archiveDir}/%f` },
    settings: { wal_compression: "on", max_prepared_transactions: 5, autovacuum: false },
  });
  const systemIdentifier = BigInt(
    await cluster.value("SELECT system_identifier FROM pg_control_system()"),
  );
  const evidence = await changeServer(
    cluster,
    { archiveDir, oldDir: join(scratch.path, "old") },
    version,
  );
  const facts = { version, systemIdentifier };
  const found = await find(facts, evidence, { records: true });
  const read = await find(facts, evidence, { records: false });
  if (found.kind !== "record") throw new Error(found.reason);
  if (read.kind !== "record") throw new Error(read.reason);
  expect(found.maps).toBeGreaterThan(0);
  expect(read.maps).toBe(0);
  for (const { record } of [found, read]) {
    const { lost, differing } = lostPages(record, evidence.oldDir, cluster.dataDir);
    expect(lost).toEqual([]);
    expect(differing).toBeGreaterThan(1000);
  }
  // Nor does it name everything.
  const still = relationFileOf(evidence.stillPath);
  if (still === undefined) throw new Error(evidence.stillPath);
  expect(found.record.changedBlocks(still, 60)).toEqual(new Uint32Array(0));
  if (version === "15") expectLikeWaldump(evidence);
});
