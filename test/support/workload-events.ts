import { lstatSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wrapOids } from "./oid-wraparound.ts";
import { relationFiles } from "./page-truth.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";
import { postgresTool } from "./postgres-install.ts";
import { mustRunAsServer } from "./run-as.ts";
import { giveToServers } from "./scratch.ts";
import type { WorkloadEvent } from "./workload-plan.ts";
import { follow, type WorkloadServer } from "./workload-server.ts";
import type { WorkloadSessions } from "./workload-sessions.ts";

export interface EventScene {
  readonly server: WorkloadServer;
  readonly sessions: WorkloadSessions;
  /** The full backup that was taken before. */
  readonly full: string;
}

/** Statements of all sessions together before something happens to the server. */
const STATEMENTS_BEFORE = 8;

/** A phase of the sessions' statements with the event in the midst of it. */
export async function runPhase(event: WorkloadEvent, scene: EventScene): Promise<void> {
  const { server, sessions } = scene;
  sessions.add(server.plan.statements);
  await EVENTS[event](scene);
  await sessions.finish(server.cluster);
}

const EVENTS: Readonly<Record<WorkloadEvent, (scene: EventScene) => Promise<void>>> = {
  none: async () => {},
  "old-mtimes": async () => {},
  kill: (scene) => interrupt(scene, (cluster) => cluster.kill9()),
  immediate: (scene) => interrupt(scene, (cluster) => cluster.stop("immediate")),
  restart: (scene) => interrupt(scene, (cluster) => cluster.stop("fast")),
  promote: promoteInPlace,
  failover,
  rewind,
  "point-in-time": pointInTime,
  "oid-wraparound": wrapAround,
};

/** While the sessions work. What they had not begun yet comes after the start. */
async function interrupt(
  scene: EventScene,
  stop: (cluster: PostgresCluster) => Promise<void>,
): Promise<void> {
  const { cluster } = scene.server;
  await whileWorking(scene, () => stop(cluster));
  await cluster.start();
}

async function whileWorking(
  { server, sessions }: EventScene,
  work: () => Promise<void>,
): Promise<void> {
  const working = sessions.run(server.cluster);
  await Promise.all([working, sessions.reached(STATEMENTS_BEFORE).then(work)]);
}

async function promoteInPlace({ server }: EventScene): Promise<void> {
  const { cluster } = server;
  await cluster.stop();
  signalStandby(cluster);
  await cluster.start();
  await promote(cluster);
}

async function failover(scene: EventScene): Promise<void> {
  const { server } = scene;
  const { standby } = server;
  await whileWorking(scene, async () => {
    await caughtUp(standby, server.cluster);
    await server.cluster.kill9();
  });
  await promote(standby);
  await server.replace(standby);
}

/** Both go on apart for a while; then the old primary gives its own history up. */
async function rewind(scene: EventScene): Promise<void> {
  const { server, sessions } = scene;
  const old = server.cluster;
  const { standby } = server;
  await whileWorking(scene, async () => {
    await caughtUp(standby, old);
    await promote(standby);
  });
  await standby.query("CREATE TABLE apart AS SELECT i FROM generate_series(1, 5000) i; CHECKPOINT");
  sessions.add(3);
  await sessions.finish(old);
  await old.stop();
  const { PGHOST, PGPORT, PGUSER } = standby.clientEnvironment;
  await mustRunAsServer([
    postgresTool("pg_rewind"),
    `--target-pgdata=${old.dataDir}`,
    `--source-server=host=${PGHOST} port=${PGPORT} user=${PGUSER} dbname=postgres`,
    "--no-sync",
  ]);
  follow(old.dataDir, standby);
  await old.start();
  await caughtUp(old, standby);
  await standby.stop();
  await promote(old);
}

/** The archive's end is given up: what came after the restore point is gone. */
async function pointInTime(scene: EventScene): Promise<void> {
  const { server, full } = scene;
  const { cluster } = server;
  await whileWorking(scene, async () => {
    await cluster.query("SELECT pg_create_restore_point('oracle')");
  });
  await cluster.waitUntilArchived(await cluster.switchWal());
  const target = await server.fetch(full);
  await cluster.kill9();
  const restored = await server.recover(target, {
    recovery_target_name: "oracle",
    recovery_target_action: "promote",
  });
  await restored[Symbol.asyncDispose]();
  const next = await server.adopt(target);
  await next.start();
  await server.replace(next);
}

async function wrapAround({ server }: EventScene): Promise<void> {
  const { cluster } = server;
  do {
    if (!cluster.isRunning) await cluster.start();
    await cluster.query("SELECT pg_logical_emit_message(false, 'oracle', 'moves on')");
    await cluster.stop();
  } while (!wrapOids(cluster.dataDir, FIRST_OID));
  await cluster.start();
}

/** FirstNormalObjectId */
const FIRST_OID = 16_384;

async function promote(cluster: PostgresCluster): Promise<void> {
  await cluster.query("SELECT pg_promote()");
  await cluster.waitUntilPromoted();
}

/** The standby has everything that the primary had when it was asked. */
async function caughtUp(standby: PostgresCluster, primary: PostgresCluster): Promise<void> {
  const lsn = await primary.value("SELECT pg_current_wal_flush_lsn()");
  await standby.waitUntil(
    `it has replayed ${lsn}`,
    async () =>
      (await standby.value(`SELECT coalesce(pg_last_wal_replay_lsn() >= '${lsn}', false)`)) === "t",
  );
}

function signalStandby({ dataDir }: PostgresCluster): void {
  const path = join(dataDir, "standby.signal");
  writeFileSync(path, "");
  giveToServers(path);
}

/** Time stamps of the relations' files, in seconds. */
export function fileTimes(dataDir: string): ReadonlyMap<string, number> {
  const paths = [...relationFiles(dataDir).keys()];
  return new Map(paths.map((path) => [path, statSync(join(dataDir, path)).mtimeMs / 1000]));
}

/** As tools leave them that restore time stamps, or a clock that was set back. */
export function restoreFileTimes(dataDir: string, times: ReadonlyMap<string, number>): void {
  for (const [path, seconds] of times) {
    const file = join(dataDir, path);
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
      utimesSync(file, seconds, seconds);
  }
}
