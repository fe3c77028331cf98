// The command places a checked file, and its exit codes outside of recovery are the ordinary ones;
// in recovery they are proven with the binary (G15), since they depend on the working directory.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CanceledError, ToolError } from "../../../src/base/errors.ts";
import { WAL_FETCH_SPEC } from "../../../src/command/specs/wal.ts";
import { failureExit, run, segmentBytesSetting } from "../../../src/command/wal-fetch.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { testInvocation } from "../../support/invocation.ts";

const golden = goldenSegment(17, "middle");
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-fetch-"));
  mkdirSync(join(directory, "repo", "wal_005"), { recursive: true });
  writeFileSync(join(directory, "repo", "wal_005", golden.name), golden.bytes);
});
afterEach(() => rmSync(directory, { recursive: true }));

function invocation(name: string, environment: Readonly<Record<string, string>> = {}) {
  return testInvocation(WAL_FETCH_SPEC, {
    words: [name, join(directory, "placed")],
    environment: {
      WALG_FILE_PREFIX: join(directory, "repo"),
      WALG_DOWNLOAD_CONCURRENCY: "1",
      TIDEMARK_FETCH_RETRY_BUDGET: "0s",
      ...environment,
    },
  });
}

test("places the file and leaves nothing else", async () => {
  await run(invocation(golden.name));
  expect(readFileSync(join(directory, "placed")).equals(golden.bytes)).toBe(true);
  expect(readdirSync(directory).sort()).toEqual(["placed", "repo"]);
});

test("absence has its own code and makes nothing", async () => {
  const absent = run(invocation("00000002.history"));
  await expect(absent).rejects.toMatchObject({ code: "journal-not-found" });
  expect(readdirSync(directory)).toEqual(["repo"]);
});

test.each(["garbage", "pg_wal/RECOVERYXLOG", "", golden.name.toLowerCase(), `${golden.name}.lz4`])(
  "%j names no WAL file, which is not the same as an absent one",
  async (name) => {
    await expect(run(invocation(name))).rejects.toMatchObject({
      code: "usage",
      message: `${JSON.stringify(name)} is not the name of a WAL file`,
    });
    expect(readdirSync(directory)).toEqual(["repo"]);
  },
);

test.each([`${golden.name}.partial`, `${golden.name}.00000028.backup`])(
  "%s is a name that may be absent",
  async (name) => {
    await expect(run(invocation(name))).rejects.toMatchObject({ code: "journal-not-found" });
  },
);

test("outside of recovery the codes are the ordinary ones, but a signal is always itself", () => {
  expect(failureExit(new ToolError({ code: "storage", message: "x" }))).toBeUndefined();
  expect(failureExit(new ToolError({ code: "journal-not-found", message: "x" }))).toBeUndefined();
  expect(failureExit(new CanceledError("SIGTERM"))).toBe(143);
  expect(failureExit(new CanceledError("SIGINT"))).toBe(130);
});

test("PG_WAL_SIZE counts in MiB", () => {
  expect(segmentBytesSetting(invocation("x"))).toBeUndefined();
  expect(segmentBytesSetting(invocation("x", { WALG_PG_WAL_SIZE: "64" }))).toBe(64 << 20);
});
