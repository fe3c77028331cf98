// In archive recovery only "not there" may end it: 74 for an absent file, above 125 for every
// other failure; on a standby ordinary codes. Run with the compiled binary; the server's side of
// the rule is proven in test/e2e/wal-recovery.test.ts.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { runBinary, startBinary } from "../support/run-binary.ts";
import { type ArchiveRun, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(16, "middle");
const next = goldenSegment(16, "switched");

/** Discard's port, on which nothing listens here. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  WALG_FILE_PREFIX: "",
  WALG_S3_PREFIX: "s3://bucket/place",
  AWS_ENDPOINT: "http://127.0.0.1:9",
  AWS_ACCESS_KEY_ID: "key",
  AWS_SECRET_ACCESS_KEY: "secret",
};

/** Every way to fail that is not absence. */
const FAILURES: readonly [string, (archive: WalArchive) => ArchiveRun][] = [
  ["a storage out of reach", () => ({ settings: { WALG_FILE_PREFIX: "/nonexistent/place" } })],
  ["no storage configured", () => ({ settings: { WALG_FILE_PREFIX: "" } })],
  ["a malformed setting", () => ({ settings: { WALG_DOWNLOAD_CONCURRENCY: "many" } })],
  [
    "a damaged object",
    (archive) => {
      archive.tamper(`${golden.name}.zst`, archive.object(`${golden.name}.zst`).subarray(0, 900));
      return {};
    },
  ],
  [
    "an existing destination",
    (archive) => {
      archive.write("pg_wal/RECOVERYXLOG", "");
      return {};
    },
  ],
  [
    "another cluster",
    (archive) => {
      archive.identify(golden, 1n);
      return {};
    },
  ],
];

async function makeArchive(): Promise<WalArchive> {
  const archive = new WalArchive("g15");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const pushed = await archive.push(golden.name);
  expect(pushed.exitCode).toBe(0);
  return archive;
}

test.each(["tidemark", "wal-g", "wal-g-pg"])(
  "G15 called as %s an absent file is 74",
  async (name) => {
    using archive = await makeArchive();
    for (const signal of [undefined, "recovery.signal", "standby.signal"]) {
      if (signal !== undefined) archive.write(signal, "");
      for (const absent of [next.name, "00000002.history", "00000005.history"]) {
        const result = await archive.fetch(absent, { name });
        expect(result.exitCode).toBe(74);
        expect(result.stderr).toContain(`Archive '${absent}' does not exist.`);
      }
    }
  },
);

test.each(FAILURES)("G15 %s is fatal in recovery and ordinary elsewhere", async (_, prepare) => {
  for (const name of ["tidemark", "wal-g"]) {
    using archive = await makeArchive();
    const run = { ...prepare(archive), name };
    const ordinary = (await archive.fetch(golden.name, run)).exitCode;
    expect(ordinary).toBeGreaterThan(0);
    expect(ordinary).toBeLessThan(126);
    expect(ordinary).not.toBe(74);
    archive.write("recovery.signal", "");
    expect((await archive.fetch(golden.name, run)).exitCode).toBe(200);
    archive.write("standby.signal", "");
    expect((await archive.fetch(golden.name, run)).exitCode).toBe(ordinary);
  }
});

test("G15 what is no name of a WAL file is never taken for an absent one", async () => {
  using archive = await makeArchive();
  for (const name of ["tidemark", "wal-g"]) {
    const swapped = ["wal-fetch", "pg_wal/RECOVERYXLOG", golden.name];
    const ordinary = await runBinary(swapped, archive.options({ name }));
    expect(ordinary.stderr).toContain('"pg_wal/RECOVERYXLOG" is not the name of a WAL file');
    expect(ordinary.exitCode).toBe(name === "wal-g" ? 1 : 2);
  }
  archive.write("recovery.signal", "");
  const fatal = await runBinary(["wal-fetch", "pg_wal/RECOVERYXLOG", "x"], archive.options({}));
  expect(fatal.exitCode).toBe(200);
});

test.each(["tidemark", "wal-g"])(
  "G15 called as %s, SIGTERM is 143, recovery or not",
  async (name) => {
    for (const signal of [undefined, "recovery.signal", "standby.signal"]) {
      using archive = await makeArchive();
      if (signal !== undefined) archive.write(signal, "");
      // Nobody listens there, so the run waits for its next try when the signal comes.
      const options = archive.options({
        name,
        settings: { ...UNREACHABLE, TIDEMARK_FETCH_RETRY_BUDGET: "60s" },
      });
      const run = startBinary(["wal-fetch", golden.name, "pg_wal/RECOVERYXLOG"], options);
      await Bun.sleep(400);
      run.kill("SIGTERM");
      expect(await run.exited).toBe(143);
      expect(archive.takeFetched()).toBeUndefined();
    }
  },
);

test("G15 a storage that nobody serves is asked again within the budget only", async () => {
  using archive = await makeArchive();
  const settings = { ...UNREACHABLE, TIDEMARK_FETCH_RETRY_BUDGET: "2s" };
  const startMs = performance.now();
  const result = await archive.fetch(golden.name, { settings });
  expect(result.exitCode).toBe(20);
  expect(result.stderr).toContain("ECONNREFUSED");
  // More than one try, and far from the 16 that the storage allows: those take over a minute.
  expect(result.stderr).toContain("WARNING");
  expect(performance.now() - startMs).toBeLessThan(15_000);
});

test("G15 a storage that takes the connection and never answers is given up as well", async () => {
  using archive = await makeArchive();
  using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const settings = {
    ...UNREACHABLE,
    AWS_ENDPOINT: `http://127.0.0.1:${mute.port}`,
    TIDEMARK_FETCH_RETRY_BUDGET: "1s",
  };
  const startMs = performance.now();
  const result = await archive.fetch(golden.name, { settings });
  expect(result.exitCode).toBe(20);
  // Five seconds for an answer, and no minute.
  expect(performance.now() - startMs).toBeLessThan(20_000);
});
