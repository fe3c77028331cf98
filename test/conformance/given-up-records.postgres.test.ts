// A server that is killed inside a record gives it up and marks the page where it goes on: the
// segments around it, read one by one and joined, name what one walk over all of them names.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BlockReferences } from "../../src/wal/block-references.ts";
import { PAGE_FLAG } from "../../src/wal/page-header.ts";
import { RecordWalker } from "../../src/wal/record-walker.ts";
import { SegmentBlocks, SegmentJoin } from "../../src/wal/segment-blocks.ts";
import { SegmentCheck } from "../../src/wal/segment-check.ts";
import { isSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";
import { ChangeLog } from "../support/change-log.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import { giveToServers, makeScratch } from "../support/scratch.ts";

const PAGE_BYTES = 8192;

test.each(["13", "18"] as const)("PostgreSQL %s, killed inside a record", async (version) => {
  using scratch = makeScratch("given-up");
  const archiveDir = join(scratch.path, "archive");
  mkdirSync(archiveDir);
  giveToServers(archiveDir);
  await using cluster = await startCluster({
    version,
    walSegmentMiB: 1,
    archive: { command: `cp %p ${archiveDir}/%f` },
    // A long record is written while it is made, and slowly.
    settings: { wal_buffers: "64kB", wal_sync_method: "open_datasync", autovacuum: false },
    isDurable: true,
  });
  await cluster.query("CREATE TABLE changed (i int)");
  let first = await cluster.switchWal();
  while (!(await killInRecord(cluster))) first = await cluster.switchWal();
  await cluster.query("INSERT INTO changed SELECT i FROM generate_series(1, 3000) i");
  const last = await cluster.switchWal();
  await cluster.waitUntilArchived(last);
  const segments = readdirSync(archiveDir)
    .filter(isSegmentName)
    .filter((name) => name > first && name <= last)
    .sort()
    .map((name): readonly [SegmentName, Uint8Array] => [
      name,
      new Uint8Array(readFileSync(join(archiveDir, name))),
    ]);
  const overwrites = segments.flatMap(([, bytes]) => overwritePages(bytes));
  expect(overwrites.length).toBe(1);
  expect(joined(segments).unique()).toEqual(walked(segments).unique());
  expect(walked(segments).entries.length).toBeGreaterThan(3000);
});

/** Where a longer beginning of a record is not kept. */
const KEPT_BYTES = 15_000_000;

/** Kills the server once a record of 200 MB has filled some segments; false: it was too late. */
async function killInRecord(cluster: PostgresCluster): Promise<boolean> {
  await cluster.query("INSERT INTO changed SELECT i FROM generate_series(1, 1000) i");
  const present = await cluster.value("SELECT pg_current_wal_insert_lsn()");
  const connection = await cluster.connect();
  const message = "SELECT pg_logical_emit_message(false, 'long', repeat('x', 200000000))";
  const lost = connection.query(message, { signal: AbortSignal.timeout(60_000) }).catch(() => {});
  const writtenBytes = async () =>
    Number(await cluster.value(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '${present}')`));
  const isWritten = async () => (await writtenBytes()) > 3_000_000;
  await cluster.waitUntil("some segments are filled", isWritten);
  await cluster.kill9();
  await lost;
  await connection.close().catch(() => {});
  await cluster.start();
  return (await writtenBytes()) < KEPT_BYTES;
}

function overwritePages(bytes: Uint8Array): readonly number[] {
  const pages: number[] = [];
  for (let at = 0; at < bytes.byteLength; at += PAGE_BYTES) {
    if (((bytes[at + 2] ?? 0) & PAGE_FLAG.firstIsOverwrite) !== 0) pages.push(at);
  }
  return pages;
}

type Segments = readonly (readonly [SegmentName, Uint8Array])[];

function walked(segments: Segments): ChangeLog {
  const changes = new ChangeLog();
  const walker = new RecordWalker(new BlockReferences(changes));
  for (const [name, bytes] of segments) {
    const check = new SegmentCheck(name, { owner: {}, checksRecords: true, walker });
    check.update(bytes);
    check.finish();
    walker.nextSegment();
  }
  return changes;
}

function joined(segments: Segments): ChangeLog {
  const changes = new ChangeLog();
  const join = new SegmentJoin(changes);
  for (const [name, bytes] of segments) {
    const blocks = new SegmentBlocks(name, { owner: {}, sink: changes });
    blocks.update(bytes);
    join.add(name, blocks.finish());
  }
  return changes;
}
