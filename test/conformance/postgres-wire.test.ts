// Proves our client of PostgreSQL's protocol on real servers: queries of any size, errors, notices,
// cancellation, back-pressure, and what a caller sees when the server dies.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import { type PostgresCluster, startCluster } from "../support/postgres-cluster.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";
import { killIfThere } from "../support/process-tree.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];
const FOREVER = new AbortController().signal;

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let cluster: PostgresCluster;

  beforeAll(async () => {
    cluster = await startCluster({ version });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  async function connected(use: (connection: WireConnection) => Promise<void>): Promise<void> {
    await using connection = await cluster.connect();
    await use(connection);
  }

  test("gives texts, empty texts, nulls and letters of every width", () =>
    connected(async (connection) => {
      const { columns, rows } = await connection.query(
        "SELECT 1 AS one, '' AS empty, NULL AS \"nu ll\", 'aé€😀' AS wide",
        { signal: FOREVER },
      );
      expect(columns).toEqual(["one", "empty", "nu ll", "wide"]);
      expect(rows).toEqual([["1", "", null, "aé€😀"]]);
      expect(connection.parameter("server_version")).toMatch(new RegExp(`^${version}\\.`));
    }));

  test("gives the last result of several statements and none of none", () =>
    connected(async (connection) => {
      const several = await connection.query("SELECT 1; SELECT 2 AS b UNION ALL SELECT 3", {
        signal: FOREVER,
      });
      expect(several).toEqual({ columns: ["b"], rows: [["2"], ["3"]] });
      expect(await connection.query("", { signal: FOREVER })).toEqual({ columns: [], rows: [] });
    }));

  test("reads one value of 40 MB and a million rows", () =>
    connected(async (connection) => {
      const { rows } = await connection.query("SELECT repeat('0123456789', 4000000)", {
        signal: FOREVER,
      });
      expect(rows[0]?.[0]?.length).toBe(40_000_000);
      let sum = 0n;
      let count = 0;
      const command = connection.command("SELECT i FROM generate_series(1, 1000000) i", {
        signal: FOREVER,
      });
      for await (const event of command) {
        if (event.kind !== "row") continue;
        sum += BigInt(event.values[0] ?? "");
        count += 1;
      }
      expect([count, sum]).toEqual([1_000_000, 500_000_500_000n]);
    }));

  test("raises the server's error with its code, detail and hint, and goes on", () =>
    connected(async (connection) => {
      const failing = connection.query(
        "DO $$ BEGIN RAISE EXCEPTION 'no such luck' USING ERRCODE = 'TM001', " +
          "DETAIL = 'the detail', HINT = 'The hint.'; END $$",
        { signal: FOREVER },
      );
      const error = await failing.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(DatabaseError);
      expect(error).toMatchObject({
        code: "database",
        hint: "The hint.",
        report: { severity: "ERROR", sqlState: "TM001", detail: "the detail" },
      });
      expect(String(error)).toContain("error TM001: no such luck (the detail)");
      expect((await connection.query("SELECT 7", { signal: FOREVER })).rows).toEqual([["7"]]);
    }));

  test("keeps notices", () =>
    connected(async (connection) => {
      await connection.query("DO $$ BEGIN RAISE WARNING 'careful'; END $$", { signal: FOREVER });
      expect(connection.notices).toMatchObject([{ severity: "WARNING", message: "careful" }]);
    }));

  test("runs commands that are asked for at once one after another", () =>
    connected(async (connection) => {
      const numbers = Array.from({ length: 20 }, (_, index) => `${index}`);
      const results = await Promise.all(
        numbers.map((n) => connection.query(`SELECT ${n}`, { signal: FOREVER })),
      );
      expect(results.map(({ rows }) => rows[0]?.[0])).toEqual(numbers);
    }));

  test("cancels a command on the server when the signal is aborted, and goes on", () =>
    connected(async (connection) => {
      const stop = new AbortController();
      const sleeping = connection.query("SELECT pg_sleep(600)", { signal: stop.signal });
      sleeping.catch(() => {});
      await cluster.waitUntil("it sleeps", async () => {
        const rows = await cluster.query(
          "SELECT 1 FROM pg_stat_activity " +
            "WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'",
        );
        return rows.length === 1;
      });
      const reason = new Error("enough");
      stop.abort(reason);
      await expect(sleeping).rejects.toBe(reason);
      expect((await connection.query("SELECT 8", { signal: FOREVER })).rows).toEqual([["8"]]);
    }));

  test("changes nothing when the signal is aborted before", () =>
    connected(async (connection) => {
      const late = connection.query("CREATE TABLE never (a int)", { signal: AbortSignal.abort() });
      await expect(late).rejects.toThrow();
      const { rows } = await connection.query("SELECT to_regclass('never')", { signal: FOREVER });
      expect(rows).toEqual([[null]]);
    }));

  test("makes the server wait for a slow reader", () =>
    connected(async (connection) => {
      const sizeBytes = 400_000_000;
      const copy = connection.command(
        `COPY (SELECT repeat('x', 999) FROM generate_series(1, ${sizeBytes / 1000})) TO STDOUT`,
        { signal: FOREVER },
      );
      const before = process.memoryUsage().rss;
      let readBytes = 0;
      let peakBytes = 0;
      for await (const event of copy) {
        if (event.kind !== "copy-data") continue;
        if (readBytes === 0) {
          // Long enough for the server to send everything, if it were let.
          await Bun.sleep(1500);
          peakBytes = process.memoryUsage().rss - before;
        }
        readBytes += event.bytes.byteLength;
      }
      expect(readBytes).toBe(sizeBytes);
      expect(peakBytes).toBeLessThan(60_000_000);
    }));

  test("drops the connection when a command is abandoned half-way", async () => {
    const connection = await cluster.connect();
    for await (const event of connection.command("SELECT generate_series(1, 100000000)", {
      signal: FOREVER,
    })) {
      if (event.kind === "row") break;
    }
    expect(connection.isOpen).toBe(false);
    await expect(connection.query("SELECT 1", { signal: FOREVER })).rejects.toThrow(/closed/);
    await connection.close();
    await cluster.waitUntil("the server has noticed", async () => {
      const rows = await cluster.query(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT generate_series%'",
      );
      return rows.length === 0;
    });
  });

  test("says at once, and why, when an administrator ends an idle session", async () => {
    await using connection = await cluster.connect();
    const { rows } = await connection.query("SELECT pg_backend_pid()", { signal: FOREVER });
    await cluster.query(`SELECT pg_terminate_backend(${rows[0]?.[0]})`);
    await expect(connection.lost).rejects.toMatchObject({ sqlState: "57P01" });
    expect(connection.isOpen).toBe(false);
    await expect(connection.query("SELECT 1", { signal: FOREVER })).rejects.toMatchObject({
      sqlState: "57P01",
    });
  });

  test("fails a running command when its session is ended", async () => {
    await using connection = await cluster.connect();
    const { rows } = await connection.query("SELECT pg_backend_pid()", { signal: FOREVER });
    const sleeping = connection.query("SELECT pg_sleep(600)", { signal: FOREVER });
    sleeping.catch(() => {});
    await cluster.query(`SELECT pg_terminate_backend(${rows[0]?.[0]})`);
    await expect(sleeping).rejects.toMatchObject({ sqlState: "57P01" });
  });

  test("fails a running command within seconds when the server is killed", async () => {
    await using connection = await cluster.connect();
    const { rows } = await connection.query("SELECT pg_backend_pid()", { signal: FOREVER });
    const sleeping = connection.query("SELECT pg_sleep(600)", { signal: FOREVER });
    sleeping.catch(() => {});
    await Bun.sleep(50);
    const startedAt = performance.now();
    killIfThere(Number(rows[0]?.[0]));
    await expect(sleeping).rejects.toBeInstanceOf(DatabaseError);
    await expect(connection.lost).rejects.toBeInstanceOf(DatabaseError);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    await cluster.waitUntil("crash recovery is over", async () => {
      try {
        await using fresh = await cluster.connect();
        return fresh.isOpen;
      } catch {
        return false;
      }
    });
  });

  test("names host and port where nobody listens", async () => {
    const endpoints = [
      { host: "/nowhere/at/all", port: 1 },
      { host: "127.0.0.1", port: 1 },
    ];
    const failing = cluster.connect({ endpoints });
    await expect(failing).rejects.toThrow(/\/nowhere\/at\/all:1: .*; 127\.0\.0\.1:1: /);
    await using second = await cluster.connect({
      endpoints: [...endpoints, { host: "127.0.0.1", port: cluster.port }],
    });
    expect(second.endpoint.host).toBe("127.0.0.1");
  });

  test("does not wait for ever for a server that does not answer", async () => {
    using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const endpoints = [{ host: "127.0.0.1", port: silent.port }];
    await expect(cluster.connect({ endpoints, connectTimeoutMs: 300 })).rejects.toThrow(
      /did not answer within 0.3 s/,
    );
  });
});
