// Proves on real standbys that a backup can be taken there, that its timeline is the standby's, and
// that a promotion in the middle is an error, known within the interval (G25).
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { PostgresSession } from "../../src/database/postgres/session.ts";
import { formatLsn } from "../../src/delta/lsn.ts";
import {
  adoptDirectory,
  type PostgresCluster,
  SUPERUSER,
  startCluster,
} from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "14", "15", "16", "17", "18"];
const FOREVER = new AbortController().signal;

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let scratch: ScratchDir;
  let primary: PostgresCluster;
  let standby: PostgresCluster;

  beforeAll(async () => {
    scratch = makeScratch("standby");
    primary = await startCluster({ version, walSegmentMiB: 1 });
    await primary.loadBench(1000);
    await primary.stop();
    const dataDir = join(scratch.path, "data");
    Bun.spawnSync(["cp", "-a", primary.dataDir, dataDir]);
    await primary.start();
    writeFileSync(join(dataDir, "standby.signal"), "");
    appendFileSync(
      join(dataDir, "postgresql.auto.conf"),
      `primary_conninfo = 'host=${primary.socketDir} port=${primary.port} user=${SUPERUSER}'\n`,
    );
    standby = await adoptDirectory({ dataDir, version });
    await standby.start();
  });
  afterAll(async () => {
    await standby[Symbol.asyncDispose]();
    await primary[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  beforeEach(async () => {
    if (!primary.isRunning) return;
    await primary.changeBench(100);
    await primary.query("CHECKPOINT");
    const position = await primary.value("SELECT pg_current_wal_flush_lsn()");
    await standby.waitUntil("the standby has caught up", async () => {
      return (await standby.value(`SELECT pg_last_wal_replay_lsn() >= '${position}'`)) === "t";
    });
  });

  function open(aliveCheckIntervalMs: number): Promise<PostgresSession> {
    return PostgresSession.open({
      connection: standby.connectionSettings,
      clock: SYSTEM_CLOCK,
      signal: FOREVER,
      aliveCheckIntervalMs,
    });
  }

  test("takes a backup on a standby, on the standby's timeline", async () => {
    await using session = await open(60_000);
    expect(session.facts.isInRecovery).toBe(true);
    const start = await session.startBackup("standby", FOREVER);
    expect(start.timeline).toBe(1);
    expect(start.segment).toMatch(/^00000001/);
    expect(await session.switchWal(FOREVER)).toBeUndefined();
    const stop = await session.stopBackup(undefined, FOREVER);
    expect(stop.labelFile).toContain(`START WAL LOCATION: ${formatLsn(start.startLsn)} `);
    expect(stop.labelFile).toContain("BACKUP FROM: standby");
    expect(stop.stopLsn).toBeGreaterThanOrEqual(start.startLsn);
  });

  test("G25 a promotion during the backup is known soon, and refused at its end", async () => {
    const watched = await open(50);
    await watched.startBackup("watched", FOREVER);
    await using stopped = await open(60_000);
    await stopped.startBackup("stopped", FOREVER);
    await standby.query("SELECT pg_promote()");
    await expect(watched.lost).rejects.toThrow("the server was promoted during the backup");
    await watched[Symbol.asyncDispose]();
    await expect(stopped.stopBackup(undefined, FOREVER)).rejects.toMatchObject({
      code: "database",
      message: expect.stringMatching(/promoted|timeline changed/),
    });
    await using after = await open(60_000);
    expect(after.facts.isInRecovery).toBe(false);
    // The new primary's timeline is known before its first checkpoint tells pg_control.
    expect(await after.timeline(FOREVER)).toBe(2);
    const start = await after.startBackup("new primary", FOREVER);
    expect([start.timeline, start.segment.slice(0, 8)]).toEqual([2, "00000002"]);
    const { labelFile } = await after.stopBackup(undefined, FOREVER);
    expect(labelFile).toContain("START TIMELINE: 2");
    expect(readFileSync(join(standby.dataDir, "PG_VERSION"), "utf8").trim()).toBe(version);
  });
});
