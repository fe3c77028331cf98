// Proves on real servers that the archives of BASE_BACKUP arrive whole in both forms of the
// protocol: they are unpacked by Debian's tar, compared file by file, and started.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  RemoteBackup,
  type RemoteBackupRequest,
} from "../../src/database/postgres/remote-backup.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import { adoptDirectory, type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { giveToServers, makeScratch, type ScratchDir } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "14", "15", "16", "17", "18"];
const FOREVER = new AbortController().signal;
/** The server leaves these out, or they differ by nature. */
const NOT_COMPARED =
  /^(postmaster\.|backup_label|tablespace_map|global\/pg_control$|pg_wal\/|pg_tblspc\/|pg_stat|pg_internal)|\/pg_internal\.init$|^pg_(notify|subtrans|replslot|dynshmem|serial|snapshots)\//;

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let cluster: PostgresCluster;
  let scratch: ScratchDir;
  let spaceDir: string;

  beforeAll(async () => {
    scratch = makeScratch("remote");
    cluster = await startCluster({ version, walSegmentMiB: 2, settings: { autovacuum: false } });
    spaceDir = join(cluster.socketDir, "space");
    mkdirSync(spaceDir);
    giveToServers(spaceDir);
    await cluster.query(`CREATE TABLESPACE extra LOCATION '${spaceDir}'`);
    await cluster.loadBench(50_000);
    await cluster.query("CREATE TABLE far TABLESPACE extra AS SELECT generate_series(1, 1000) i");
    await cluster.query("CHECKPOINT");
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  function begin(change: Partial<RemoteBackupRequest> = {}): Promise<RemoteBackup> {
    return RemoteBackup.begin({
      connection: cluster.connectionSettings,
      label: "it's remote",
      isVerifiedByServer: false,
      isSizeEstimated: true,
      signal: FOREVER,
      ...change,
    });
  }

  test("brings every file, and what it brings starts", async () => {
    await using backup = await begin();
    expect(backup.server).toMatchObject({
      majorVersion: Number(version),
      walSegmentBytes: 2 << 20,
    });
    const identifier = await cluster.value("SELECT system_identifier FROM pg_control_system()");
    expect(backup.server.systemIdentifier).toBe(BigInt(identifier));
    expect(backup.timeline).toBe(1);
    expect(backup.tablespaces.map(({ path }) => path)).toEqual([spaceDir]);

    const dataDir = join(scratch.path, "restored");
    const restoredSpace = join(scratch.path, "restored-space");
    let plainBytes = 0;
    const seen: (string | undefined)[] = [];
    for await (const { tablespace, content } of backup.archives()) {
      seen.push(tablespace?.path);
      plainBytes += await unpack(content, tablespace === undefined ? dataDir : restoredSpace);
    }
    expect(new Set(seen)).toEqual(new Set([undefined, spaceDir]));
    expect(plainBytes).toBeGreaterThan((backup.totalBytes ?? Number.NaN) / 2);
    const end = await backup.finish();
    expect(end.timeline).toBe(1);
    expect(end.stopLsn).toBeGreaterThan(backup.startLsn);

    expect(filesBelow(dataDir)).toEqual(filesBelow(cluster.dataDir));
    for (const path of filesBelow(cluster.dataDir)) {
      expectSameContent(join(dataDir, path), join(cluster.dataDir, path));
    }
    expect(filesBelow(restoredSpace)).toEqual(filesBelow(spaceDir));
    const label = readFileSync(join(dataDir, "backup_label"), "utf8");
    expect(label).toContain("LABEL: it's remote\n");
    const map = readFileSync(join(dataDir, "tablespace_map"), "utf8");
    expect(map).toContain(spaceDir);

    // The WAL that the backup needs is still with the server, which did not switch since.
    Bun.spawnSync(["cp", "-a", `${cluster.dataDir}/pg_wal/.`, join(dataDir, "pg_wal")]);
    rmSync(join(dataDir, "tablespace_map"));
    await Bun.write(join(dataDir, "tablespace_map"), map.replace(spaceDir, restoredSpace));
    Bun.spawnSync(["chown", "-R", "--reference", cluster.dataDir, restoredSpace]);
    await using restored = await adoptDirectory({ dataDir, version });
    await restored.start();
    await restored.waitUntilPromoted();
    expect(await restored.value("SELECT count(*) FROM bench_accounts")).toBe("50000");
    expect(await restored.value("SELECT sum(i) FROM far")).toBe("500500");
    expect(statSync(restoredSpace).isDirectory()).toBe(true);
  });

  test("keeps to the rate that it is given", async () => {
    await using backup = await begin({ rateMaxKiBPerSecond: 16_384 });
    const startedAt = performance.now();
    let sizeBytes = 0;
    for await (const { content } of backup.archives()) {
      for await (const chunk of content) sizeBytes += chunk.byteLength;
    }
    const seconds = (performance.now() - startedAt) / 1000;
    expect(sizeBytes / 1024 / seconds).toBeLessThan(16_384 * 1.5);
  });

  test("is ended on the server by an abort", async () => {
    const stop = new AbortController();
    await using backup = await begin({ signal: stop.signal, isSizeEstimated: false });
    expect(backup.totalBytes).toBeUndefined();
    const reading = (async () => {
      for await (const { content } of backup.archives()) {
        for await (const _chunk of content) {
          if (!stop.signal.aborted) stop.abort(new Error("interrupted"));
        }
      }
    })();
    await expect(reading).rejects.toThrow("interrupted");
    await expectNoWalSender();
  });

  test("stops on the server when it is left half-way", async () => {
    {
      await using backup = await begin();
      for await (const { content } of backup.archives()) {
        for await (const _chunk of content) break;
        break;
      }
    }
    await expectNoWalSender();
  });

  test("fails within seconds when its backend is ended", async () => {
    const backup = await begin({ rateMaxKiBPerSecond: 1024 });
    const reading = (async () => {
      for await (const { content } of backup.archives()) {
        for await (const _chunk of content);
      }
    })();
    reading.catch(() => {});
    const startedAt = performance.now();
    await cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'walsender'",
    );
    await expect(reading).rejects.toBeInstanceOf(DatabaseError);
    await expect(backup.lost).rejects.toBeInstanceOf(DatabaseError);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await backup[Symbol.asyncDispose]();
  });

  test("takes a server that has gone silent for lost", async () => {
    const backup = await begin({ rateMaxKiBPerSecond: 1024, silenceMaxMs: 500 });
    const sender = Number(
      await cluster.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'"),
    );
    process.kill(sender, "SIGSTOP");
    try {
      const reading = (async () => {
        for await (const { content } of backup.archives()) {
          for await (const _chunk of content);
        }
      })();
      await expect(reading).rejects.toThrow("the server sent nothing for 0.5 s");
      await backup[Symbol.asyncDispose]();
    } finally {
      process.kill(sender, "SIGCONT");
    }
    await expectNoWalSender();
  });

  test("can be disposed of while it is read from a server that hangs", async () => {
    const backup = await begin({ rateMaxKiBPerSecond: 1024 });
    const sender = Number(
      await cluster.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender'"),
    );
    process.kill(sender, "SIGSTOP");
    try {
      const reading = (async () => {
        for await (const { content } of backup.archives()) {
          for await (const _chunk of content);
        }
      })();
      reading.catch(() => {});
      await Bun.sleep(100);
      await backup[Symbol.asyncDispose]();
      await expect(reading).rejects.toBeInstanceOf(DatabaseError);
    } finally {
      process.kill(sender, "SIGCONT");
    }
  });

  test("says so when the server may not be copied", async () => {
    await cluster.query("CREATE ROLE reader LOGIN");
    const connection = { ...cluster.connectionSettings, user: "reader" };
    await expect(begin({ connection })).rejects.toMatchObject({ sqlState: "42501" });
  });

  async function expectNoWalSender(): Promise<void> {
    await cluster.waitUntil("the server has stopped to send", async () => {
      const rows = await cluster.query(
        "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender' AND state = 'active'",
      );
      return rows.length === 0;
    });
  }
});

async function unpack(content: AsyncIterable<Uint8Array>, dir: string): Promise<number> {
  mkdirSync(dir, { mode: 0o700 });
  const tar = Bun.spawn(["tar", "--extract", "--file=-", "--directory", dir], {
    stdin: "pipe",
    stderr: "pipe",
  });
  let sizeBytes = 0;
  for await (const chunk of content) {
    sizeBytes += chunk.byteLength;
    tar.stdin.write(chunk);
    await tar.stdin.flush();
  }
  tar.stdin.end();
  const stderr = await new Response(tar.stderr).text();
  expect([await tar.exited, stderr]).toEqual([0, ""]);
  return sizeBytes;
}

function filesBelow(dir: string): string[] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .filter((path) => !NOT_COMPARED.test(path))
    .sort();
}

function expectSameContent(path: string, original: string): void {
  expect(existsSync(path), path).toBe(true);
  expect(readFileSync(path).equals(readFileSync(original)), path).toBe(true);
}
