// Proves on real servers that the record made of WAL summaries names every page that differs
// between two copies of a data directory, by files and by SQL alike, and that it is refused when
// a summary is missing, damaged, late or of another timeline.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { PostgresSession } from "../../src/database/postgres/session.ts";
import {
  findBySummaries,
  type SummaryRequest,
} from "../../src/database/postgres/summary-finder.ts";
import type { ParentPlace, StartPlace } from "../../src/database/postgres/summary-ranges.ts";
import type { ChangeRecord } from "../../src/delta/changed-pages.ts";
import type { RelationFile } from "../../src/delta/relation-file.ts";
import { parseTimelineHistory } from "../../src/wal/timeline-history.ts";
import { judgeRecord, relationFilesOf } from "../support/changed-truth.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { relationFiles } from "../support/relation-files.ts";
import { makeScratch, type ScratchDir } from "../support/scratch.ts";

const VERSIONS: readonly PostgresVersion[] = ["17", "18"];
const { signal } = new AbortController();

const SETTINGS = {
  summarize_wal: true,
  autovacuum: false,
  allow_in_place_tablespaces: true,
  max_prepared_transactions: 2,
  wal_keep_size: "2GB",
};

/** For what must be decided at once. */
const NO_WAIT: Clock = {
  ...SYSTEM_CLOCK,
  sleep: () => Promise.reject(new Error("it waits for what never comes")),
};

interface Taken {
  readonly place: ParentPlace;
  /** A copy of the data directory while the server was in backup mode. */
  readonly copy: string;
}

class Backups implements AsyncDisposable {
  readonly #cluster: PostgresCluster;
  readonly #scratch: ScratchDir = makeScratch("summaries");
  #count = 0;

  constructor(cluster: PostgresCluster) {
    this.#cluster = cluster;
  }

  /** Runs `work` in backup mode. */
  async during<T>(
    work: (session: PostgresSession, start: StartPlace) => Promise<T>,
  ): Promise<{ readonly result: T; readonly place: ParentPlace }> {
    await using session = await PostgresSession.open({
      connection: this.#cluster.connectionSettings,
      clock: SYSTEM_CLOCK,
      signal,
      aliveCheckIntervalMs: 0,
    });
    const { startLsn, timeline } = await session.startBackup("test", signal);
    const result = await work(session, { startLsn, timeline });
    await session.stopBackup(undefined, signal);
    return { result, place: { startLsn, timeline } };
  }

  async parent(): Promise<ParentPlace> {
    return (await this.during(async () => {})).place;
  }

  async take(): Promise<Taken> {
    const { result, place } = await this.during(async () => this.copy());
    return { place, copy: result };
  }

  copy(): string {
    this.#count += 1;
    const copy = join(this.#scratch.path, `copy${this.#count}`);
    const { stderr } = Bun.spawnSync(["cp", "-a", this.#cluster.dataDir, copy]);
    // The server runs: it may rename the summary it writes after cp has read its name.
    const failures = stderr.toString().split("\n").filter(Boolean);
    const isRenamed = (line: string) => /temp\.summary': No such file/.test(line);
    if (!failures.every(isRenamed)) throw new Error(failures.join("\n"));
    return copy;
  }

  /** What a backup that starts now finds. */
  async find(parent: ParentPlace, change: Partial<SummaryRequest> = {}) {
    const { result } = await this.during((session, start) =>
      findBySummaries({
        session,
        dataDir: this.#cluster.dataDir,
        parent,
        start,
        history: this.#history(start.timeline),
        waitMs: 60_000,
        clock: SYSTEM_CLOCK,
        log: SILENT_LOGGER,
        signal,
        ...change,
      }),
    );
    return result;
  }

  async reason(parent: ParentPlace, change: Partial<SummaryRequest> = {}): Promise<string> {
    const found = await this.find(parent, change);
    return found.kind === "record" ? `${found.summaries} summaries` : found.reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#scratch[Symbol.dispose]();
  }

  #history(timeline: number) {
    if (timeline === 1) return undefined;
    const name = `${timeline.toString(16).padStart(8, "0")}.history`;
    const text = readFileSync(join(this.#cluster.dataDir, "pg_wal", name), "utf8");
    return parseTimelineHistory(text, { timeline, name });
  }
}

function recordsOf(record: ChangeRecord, files: Iterable<RelationFile>): string[] {
  return [...files].map((file) => {
    const changed = record.changedBlocks(file, 1000);
    return `${file.path}: ${changed === "all" ? changed : [...changed].join(" ")}`;
  });
}

const TABLES = `
  CREATE TABLE updated AS SELECT i, md5(i::text) t FROM generate_series(1, 50000) i;
  CREATE INDEX ON updated (i); CREATE INDEX ON updated USING hash (t);
  CREATE INDEX ON updated USING brin (i);
  CREATE TABLE emptied AS SELECT i, md5(i::text) t FROM generate_series(1, 20000) i;
  CREATE TABLE shortened AS SELECT i, md5(i::text) t FROM generate_series(1, 50000) i;
  CREATE TABLE rewritten AS SELECT i, md5(i::text) t FROM generate_series(1, 20000) i;
  CREATE TABLE moved AS SELECT i, md5(i::text) t FROM generate_series(1, 20000) i;
  CREATE TABLE dropped AS SELECT i FROM generate_series(1, 20000) i;
  CREATE TABLE untouched AS SELECT i, md5(i::text) t FROM generate_series(1, 100000) i;
  CREATE TABLE words AS SELECT i, ARRAY[i, i % 17] a, point(i, i) p FROM generate_series(1, 9000) i;
  CREATE INDEX ON words USING gin (a); CREATE INDEX ON words USING gist (p);
  CREATE INDEX cached ON words USING spgist (p);
  CREATE UNLOGGED TABLE flimsy AS SELECT i FROM generate_series(1, 20000) i;
  CREATE SEQUENCE drawn`;

const CHANGES = [
  "UPDATE updated SET t = 'x' WHERE i % 500 = 0; SELECT nextval('drawn')",
  "BEGIN; UPDATE updated SET t = 'y' WHERE i < 300; PREPARE TRANSACTION 'half'",
  "TRUNCATE emptied; INSERT INTO emptied SELECT i, 'new' FROM generate_series(1, 100) i",
  "DELETE FROM shortened WHERE i > 20000",
  "VACUUM shortened",
  "INSERT INTO shortened SELECT i, 'again' FROM generate_series(1, 10000) i",
  "VACUUM FULL rewritten",
  "ALTER TABLE moved SET TABLESPACE apart",
  "DROP TABLE dropped; CREATE TABLE fresh AS SELECT i FROM generate_series(1, 20000) i",
  "BEGIN; CREATE TABLE undone AS SELECT i FROM generate_series(1, 5000) i; ROLLBACK",
  "INSERT INTO words SELECT i, ARRAY[i], point(i, -i) FROM generate_series(1, 300) i",
  "UPDATE flimsy SET i = -i; DELETE FROM untouched WHERE i = 50000",
  "CREATE DATABASE copied STRATEGY FILE_COPY TEMPLATE pattern",
  "CREATE DATABASE logged STRATEGY WAL_LOG TEMPLATE pattern",
  "ALTER DATABASE roaming SET TABLESPACE apart",
  "DROP DATABASE left_behind",
  "CHECKPOINT",
  "COMMIT PREPARED 'half'",
  "UPDATE updated SET t = 'z' WHERE i = 40000",
  "SELECT count(*) FROM updated WHERE t > 'a'",
  "VACUUM updated",
];

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let cluster: PostgresCluster;
  let backups: Backups;
  let cachePath: string;

  beforeAll(async () => {
    cluster = await startCluster({ version, settings: SETTINGS });
    backups = new Backups(cluster);
    await cluster.query("CREATE TABLESPACE apart LOCATION ''");
    for (const name of ["pattern", "roaming", "left_behind"]) {
      await cluster.query(`CREATE DATABASE ${name}`);
    }
    await cluster.query(TABLES);
    cachePath = await cluster.value("SELECT pg_relation_filepath('cached')");
  });
  afterAll(async () => {
    await backups[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  test("every page that differs is named, and not many more", async () => {
    const before = await backups.take();
    for (const change of CHANGES) await cluster.query(change);
    await cluster.kill9();
    await cluster.start();
    await cluster.query("UPDATE updated SET t = 'after the crash' WHERE i = 30000");
    const { result: found } = await backups.during(async (session, start) => {
      const request = {
        session,
        parent: before.place,
        start,
        history: undefined,
        waitMs: 60_000,
        clock: SYSTEM_CLOCK,
        log: SILENT_LOGGER,
        signal,
      };
      return {
        byFiles: await findBySummaries({ ...request, dataDir: cluster.dataDir }),
        bySql: await findBySummaries({ ...request, dataDir: undefined }),
        copy: backups.copy(),
      };
    });
    const { byFiles, bySql, copy } = found;
    if (byFiles.kind !== "record") throw new Error(byFiles.reason);
    if (bySql.kind !== "record") throw new Error(bySql.reason);
    const verdict = judgeRecord(byFiles.record, { before: before.copy, after: copy, cachePath });
    expect(verdict.lost).toEqual([]);
    expect(verdict.differing).toBeGreaterThan(300);
    expect(verdict.named).toBeLessThan(1.2 * verdict.differing);
    expect(verdict.files.none).toBeGreaterThan(500);
    expect(bySql.summaries).toBe(byFiles.summaries);
    const files = relationFilesOf(relationFiles(copy));
    expect(recordsOf(bySql.record, files)).toEqual(recordsOf(byFiles.record, files));
  });

  test("a database whose number was used before is named whole when it was copied", async () => {
    await cluster.query("CREATE DATABASE again OID 77777 STRATEGY WAL_LOG");
    const { place } = await backups.take();
    await cluster.query("DROP DATABASE again");
    await cluster.query("CREATE DATABASE again OID 77777 STRATEGY FILE_COPY");
    const found = await backups.find(place);
    if (found.kind !== "record") throw new Error(found.reason);
    const [file] = relationFilesOf(["base/77777/1259"]);
    if (file === undefined) throw new Error("pg_class has no pages");
    expect(found.record.changedBlocks(file, 10)).toBe("all");
  });

  test("nothing was written: an idle server has a proof too", async () => {
    const parent = await backups.parent();
    const found = await backups.find(parent);
    expect(found.kind).toBe("record");
  });

  test("a missing summary is a hole that is named at once; a damaged one is named", async () => {
    const parent = await backups.parent();
    await cluster.query("UPDATE updated SET t = 'hole' WHERE i = 1");
    expect(await backups.reason(parent)).toMatch(/^\d+ summaries$/);
    const folder = join(cluster.dataDir, "pg_wal", "summaries");
    const start = parent.startLsn.toString(16).toUpperCase().padStart(16, "0");
    const name = readdirSync(folder).find((each) => each.slice(8, 24) === start);
    if (name === undefined) throw new Error(`no summary begins at ${start}`);
    const path = join(folder, name);
    const bytes = readFileSync(path);
    rmSync(path);
    for (const dataDir of [cluster.dataDir, undefined]) {
      expect(await backups.reason(parent, { dataDir, clock: NO_WAIT })).toMatch(
        /^no WAL summary tells of timeline 1 from [0-9A-F]+\/[0-9A-F]+ to/,
      );
    }
    const damaged = Buffer.from(bytes);
    damaged[damaged.byteLength - 40] = (damaged[damaged.byteLength - 40] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    const named = new RegExp(`${name}: not a whole WAL summary`);
    expect(await backups.reason(parent)).toMatch(named);
    writeFileSync(path, damaged, { mode: 0o644 });
    expect(await backups.reason(parent, { dataDir: undefined })).toMatch(/42501|XX001|wrong/);
    writeFileSync(path, bytes);
    expect(await backups.reason(parent)).toMatch(/^\d+ summaries$/);
  });

  test("a summarizer that is behind is waited for, but not longer than allowed", async () => {
    const parent = await backups.parent();
    const pid = Number(
      await cluster.value("SELECT summarizer_pid FROM pg_get_wal_summarizer_state()"),
    );
    process.kill(pid, "SIGSTOP");
    try {
      await cluster.query("UPDATE updated SET t = 'late' WHERE i = 2");
      expect(await backups.reason(parent, { waitMs: 300 })).toMatch(
        /^no WAL summary tells of timeline 1 from .*: after 0 s the server has summarized up to/,
      );
      let polls = 0;
      const clock: Clock = {
        ...SYSTEM_CLOCK,
        sleep: (delayMs, stopped) => {
          polls += 1;
          if (polls === 3) process.kill(pid, "SIGCONT");
          return SYSTEM_CLOCK.sleep(delayMs, stopped);
        },
      };
      expect(await backups.reason(parent, { clock })).toMatch(/^\d+ summaries$/);
      expect(polls).toBeGreaterThanOrEqual(3);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });

  test("summarize_wal off is a reason, at once; switched on, the server makes up", async () => {
    const parent = await backups.parent();
    await cluster.query("ALTER SYSTEM SET summarize_wal = off");
    await cluster.query("SELECT pg_reload_conf()");
    await cluster.waitUntil("summaries are off", async () => {
      const [row] = await cluster.query("SELECT summarizer_pid FROM pg_get_wal_summarizer_state()");
      return row?.[0] === null;
    });
    await cluster.query("UPDATE updated SET t = 'unseen' WHERE i = 3");
    expect(await backups.reason(parent, { clock: NO_WAIT })).toMatch(/and summarize_wal is off$/);
    await cluster.query("ALTER SYSTEM RESET summarize_wal");
    await cluster.query("SELECT pg_reload_conf()");
    expect(await backups.reason(parent)).toMatch(/^\d+ summaries$/);
  });

  test("the proof goes over a switch of timelines, and to no other", async () => {
    const before = await backups.take();
    await cluster.query("UPDATE updated SET t = 'first timeline' WHERE i = 4");
    await cluster.stop();
    writeFileSync(join(cluster.dataDir, "recovery.signal"), "");
    writeFileSync(join(cluster.dataDir, "postgresql.auto.conf"), "restore_command = 'false'\n");
    await cluster.start();
    await cluster.waitUntilPromoted();
    await cluster.query("UPDATE updated SET t = 'second timeline' WHERE i = 20000");
    const { result } = await backups.during(async (_session, start) => ({
      start,
      copy: backups.copy(),
    }));
    expect(result.start.timeline).toBe(2);
    const found = await backups.find(before.place);
    if (found.kind !== "record") throw new Error(found.reason);
    const verdict = judgeRecord(found.record, {
      before: before.copy,
      after: result.copy,
      cachePath,
    });
    expect(verdict.lost).toEqual([]);
    expect(verdict.differing).toBeGreaterThan(1);
    const stranger = { ...before.place, timeline: 3 };
    expect(await backups.reason(stranger)).toBe("timeline 3 of the parent does not lead to 2");
  });
});
