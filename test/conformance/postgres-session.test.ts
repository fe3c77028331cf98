// Proves on real servers that a session enters and leaves backup mode, that whatever ends the
// session ends the mode too, and that the loss of the server is known within seconds (G26, G34).
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { PostgresSession, type SessionOptions } from "../../src/database/postgres/session.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import { formatLsn } from "../../src/delta/lsn.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { killIfThere } from "../support/process-tree.ts";
import { giveToServers } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "14", "15", "17", "18"];
const FOREVER = new AbortController().signal;

function open(
  cluster: PostgresCluster,
  change: Partial<SessionOptions> = {},
): Promise<PostgresSession> {
  return PostgresSession.open({
    connection: cluster.connectionSettings,
    clock: SYSTEM_CLOCK,
    signal: FOREVER,
    aliveCheckIntervalMs: 60_000,
    ...change,
  });
}

async function backendOf(session: PostgresSession): Promise<number> {
  return Number((await session.query("SELECT pg_backend_pid()", FOREVER))[0]?.[0]);
}

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let cluster: PostgresCluster;

  beforeAll(async () => {
    cluster = await startCluster({ version, walSegmentMiB: 4 });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("knows the server's facts", async () => {
    await using session = await open(cluster);
    expect(session.facts).toMatchObject({
      majorVersion: Number(version),
      isInRecovery: false,
      dataDirectory: cluster.dataDir,
      walSegmentBytes: 4 << 20,
      blockBytes: 8192,
      walBlockBytes: 8192,
      hasDataChecksums: true,
      logsHints: false,
    });
    const identifier = await cluster.value("SELECT system_identifier FROM pg_control_system()");
    expect(session.facts.systemIdentifier).toBe(BigInt(identifier));
    expect(await session.timeline(FOREVER)).toBe(1);
    const names = ["archive_mode", "wal_segment_size", "no_such_setting"];
    const settings = await session.showSettings(names, FOREVER);
    expect([...settings].sort()).toEqual([
      ["archive_mode", "off"],
      ["wal_segment_size", `${4 << 20}`],
    ]);
  });

  test("starts and stops a backup whose label names its first segment", async () => {
    await using session = await open(cluster);
    const label = "it's a \\ label";
    const start = await session.startBackup(label, FOREVER);
    expect(start.timeline).toBe(1);
    const ended = await session.switchWal(FOREVER);
    expect(ended).toBe(start.segment);
    const stop = await session.stopBackup(60_000, FOREVER);
    expect(stop.labelFile).toContain(
      `START WAL LOCATION: ${formatLsn(start.startLsn)} (file ${start.segment})`,
    );
    expect(stop.labelFile).toContain(`LABEL: ${label}\n`);
    expect(stop.tablespaceMap).toBe("");
    expect(stop.stopLsn).toBeGreaterThan(start.startLsn);
    expect(await session.query("SHOW statement_timeout", FOREVER)).toEqual([["0"]]);
  });

  test("gives the map of tablespaces, whatever their paths", async () => {
    const path = `${cluster.socketDir}/space é`;
    mkdirSync(path);
    giveToServers(path);
    await cluster.query(`CREATE TABLESPACE extra LOCATION '${path}'`);
    await using session = await open(cluster);
    await session.startBackup("map", FOREVER);
    const { tablespaceMap } = await session.stopBackup(undefined, FOREVER);
    expect(tablespaceMap).toMatch(/^\d+ \S/);
    expect(tablespaceMap).toContain(path);
    await cluster.query("DROP TABLESPACE extra");
  });

  test("leaves backup mode when it is disposed half-way", async () => {
    const log = cluster.logText().length;
    const session = await open(cluster);
    await session.startBackup("abandoned", FOREVER);
    await session[Symbol.asyncDispose]();
    expect(cluster.logText().slice(log)).toMatch(/aborting backup due to backend exiting/);
    await expect(session.stopBackup(undefined, FOREVER)).rejects.toThrow(/closed/);
  });

  test("cancels a start that waits for the checkpoint, and leaves backup mode", async () => {
    const checkpointer = Number(
      await cluster.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"),
    );
    const session = await open(cluster);
    const stop = new AbortController();
    process.kill(checkpointer, "SIGSTOP");
    try {
      const starting = session.startBackup("canceled", stop.signal);
      starting.catch(() => {});
      await cluster.waitUntil("the start waits", async () => {
        const waiting = await cluster.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event LIKE 'Checkpoint%' AND state = 'active'",
        );
        return waiting.length === 1;
      });
      const reason = new Error("interrupted");
      stop.abort(reason);
      await expect(starting).rejects.toBe(reason);
    } finally {
      process.kill(checkpointer, "SIGCONT");
    }
    await session.startBackup("again", FOREVER);
    await session.stopBackup(undefined, FOREVER);
    await session[Symbol.asyncDispose]();
  });

  test("is not ended by time limits of the role", async () => {
    await cluster.query("ALTER ROLE u SET statement_timeout = '50ms'");
    if (Number(version) >= 14)
      await cluster.query("ALTER ROLE u SET idle_session_timeout = '50ms'");
    try {
      await using session = await open(cluster);
      await session.query("SELECT pg_sleep(0.2)", FOREVER);
      await Bun.sleep(200);
      expect(await session.query("SELECT 1", FOREVER)).toEqual([["1"]]);
    } finally {
      await using own = await cluster.connect();
      await own.query("ALTER ROLE u RESET ALL", { signal: FOREVER });
    }
  });

  test("runs the stop of a backup under its time limit", async () => {
    await using session = await open(cluster);
    await session.startBackup("slow stop", FOREVER);
    // Nothing makes a stop slow at will, so the server's log shows under which limit it ran.
    await cluster.query("ALTER SYSTEM SET log_statement = 'all'");
    await cluster.query("SELECT pg_reload_conf()");
    await cluster.waitUntil("statements are logged", async () => {
      return (await cluster.value("SHOW log_statement")) === "all";
    });
    const before = cluster.logText().length;
    await session.stopBackup(1234.5, FOREVER);
    const statements = cluster.logText().slice(before);
    expect(statements).toMatch(/SET statement_timeout = 1235\n[^\n]*pg_(backup_stop|stop_backup)/);
    await cluster.query("ALTER SYSTEM RESET log_statement");
    await cluster.query("SELECT pg_reload_conf()");
  });

  test("takes a limit of 0 for none", async () => {
    await using session = await open(cluster);
    await session.startBackup("no limit", FOREVER);
    const { labelFile } = await session.stopBackup(0, FOREVER);
    expect(labelFile).toContain("LABEL: no limit");
    expect(await session.query("SHOW statement_timeout", FOREVER)).toEqual([["0"]]);
  });

  test("does not wait for a stop that never comes back", async () => {
    const session = await open(cluster, { aliveCheckTimeoutMs: 200 });
    await session.startBackup("no answer", FOREVER);
    const backend = await backendOf(session);
    // Stopped, the server cannot even keep its own limit.
    process.kill(backend, "SIGSTOP");
    try {
      const stopping = session.stopBackup(100, FOREVER);
      await expect(stopping).rejects.toThrow("the server did not answer within 0.3 s");
      await session[Symbol.asyncDispose]();
    } finally {
      process.kill(backend, "SIGCONT");
    }
  });

  test("does without the right to switch WAL, but not without that to back up", async () => {
    await cluster.query("CREATE ROLE weak LOGIN");
    await using session = await open(cluster, {
      connection: { ...cluster.connectionSettings, user: "weak" },
    });
    expect(session.facts.dataDirectory).toBeUndefined();
    expect(await session.switchWal(FOREVER)).toBeUndefined();
    await expect(session.startBackup("denied", FOREVER)).rejects.toMatchObject({
      sqlState: "42501",
      hint: expect.stringContaining("grant the role EXECUTE"),
    });
  });

  test("G26 knows at once that its backend was ended", async () => {
    await using session = await open(cluster);
    await session.startBackup("to be killed", FOREVER);
    const backend = await backendOf(session);
    const startedAt = performance.now();
    await cluster.query(`SELECT pg_terminate_backend(${backend})`);
    await expect(session.lost).rejects.toMatchObject({ sqlState: "57P01" });
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test("G26 knows within the interval that the server hangs", async () => {
    const options = { aliveCheckIntervalMs: 100, aliveCheckTimeoutMs: 300 };
    const session = await open(cluster, options);
    await session.startBackup("to hang", FOREVER);
    const backend = await backendOf(session);
    process.kill(backend, "SIGSTOP");
    try {
      await expect(session.lost).rejects.toThrow(/did not answer within 0.3 s/);
    } finally {
      process.kill(backend, "SIGCONT");
      await session[Symbol.asyncDispose]();
    }
  });

  test("G26 knows within the interval that the server is gone while a command runs", async () => {
    // A way to the server that can be cut: what is on it then gets no answer, and no end.
    let isCut = false;
    using cable = Bun.listen<{ server: Bun.Socket }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        async open(client) {
          if (isCut) return;
          client.pause();
          const server = await Bun.connect({
            hostname: "127.0.0.1",
            port: cluster.port,
            socket: {
              data: (_server, bytes) => void (isCut || client.write(bytes)),
            },
          });
          client.data = { server };
          client.resume();
        },
        data: (client, bytes) => void (isCut || client.data?.server.write(bytes)),
        close: (client) => void client.data?.server.end(),
      },
    });
    const endpoints = [{ host: "127.0.0.1", port: cable.port }];
    const session = await open(cluster, {
      connection: { ...cluster.connectionSettings, endpoints },
      aliveCheckIntervalMs: 100,
      aliveCheckTimeoutMs: 300,
    });
    const running = session.query("SELECT pg_sleep(600)", FOREVER);
    running.catch(() => {});
    await Bun.sleep(500);
    expect(await Promise.race([session.lost, Bun.sleep(1).then(() => "alive")])).toBe("alive");
    isCut = true;
    await expect(session.lost).rejects.toThrow("did not answer within 0.3 s");
    await expect(running).rejects.toThrow("did not answer within 0.3 s");
    await session[Symbol.asyncDispose]();
    await cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'",
    );
  });

  test("a living session is not lost, and asks again and again", async () => {
    const options = { aliveCheckIntervalMs: 20, aliveCheckTimeoutMs: 5000 };
    await using session = await open(cluster, options);
    let isLost = false;
    session.lost.catch(() => {
      isLost = true;
    });
    await session.startBackup("alive", FOREVER);
    await Bun.sleep(300);
    await session.stopBackup(undefined, FOREVER);
    expect(isLost).toBe(false);
  });

  test("G26 knows at once that the server was killed", async () => {
    await using session = await open(cluster);
    await session.startBackup("last", FOREVER);
    killIfThere(await backendOf(session));
    await expect(session.lost).rejects.toBeInstanceOf(DatabaseError);
  });
});
