// The command checks, stores and reports one WAL file as its settings say; with a repository of
// files. Exit codes and the server's account are proven in test/guarantee.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WAL_PUSH_SPEC } from "../../../src/command/specs/wal.ts";
import { run } from "../../../src/command/wal-push.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { testInvocation } from "../../support/invocation.ts";

const golden = goldenSegment(17, "middle");
let directory = "";
let repository = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-push-"));
  repository = join(directory, "repo");
  mkdirSync(repository);
  mkdirSync(join(directory, "pg_wal", "archive_status"), { recursive: true });
  writeFileSync(join(directory, "pg_wal", golden.name), golden.bytes);
});
afterEach(() => rmSync(directory, { recursive: true }));

function invocation(path: string, environment: Readonly<Record<string, string>> = {}) {
  return testInvocation(WAL_PUSH_SPEC, {
    words: [path],
    environment: { WALG_FILE_PREFIX: repository, TIDEMARK_ALLOW_ROOT: "true", ...environment },
  });
}

test("a relative path that is not in the working directory starts in PGDATA", async () => {
  const pushed = invocation(join("pg_wal", golden.name), { PGDATA: directory });
  await run(pushed);
  expect(readdirSync(join(repository, "wal_005"))).toEqual([`${golden.name}.zst`]);
  expect(pushed.logged.join()).toContain("stored");
});

test("stores metadata where it is asked for", async () => {
  const path = join(directory, "pg_wal", golden.name);
  await run(invocation(path, { WALG_UPLOAD_WAL_METADATA: "INDIVIDUAL" }));
  const document = readFileSync(join(repository, "wal_005", `${golden.name}.json`), "utf8");
  expect(Object.keys(Object(JSON.parse(document)))).toEqual([golden.name]);
});

test("the stop file stops it", async () => {
  const stop = join(directory, "stop");
  writeFileSync(stop, "");
  const path = join(directory, "pg_wal", golden.name);
  const stopped = run(invocation(path, { TIDEMARK_STOP_FILE: stop }));
  await expect(stopped).rejects.toMatchObject({ code: "archive-stopped" });
  expect(readdirSync(repository)).toEqual([]);
});

test("records changed blocks where it is asked for, and stores the file if it cannot", async () => {
  const path = join(directory, "pg_wal", golden.name);
  await run(invocation(path));
  expect(readdirSync(join(directory, "pg_wal")).sort()).toEqual([golden.name, "archive_status"]);
  await run(invocation(path, { WALG_USE_WAL_DELTA: "true" }));
  expect(readdirSync(join(directory, "pg_wal", "walg_data", "wal_delta"))).toEqual([golden.name]);
  rmSync(join(directory, "pg_wal", "walg_data"), { recursive: true });
  writeFileSync(join(directory, "pg_wal", "walg_data"), "in the way");
  rmSync(join(repository, "wal_005"), { recursive: true });
  const pushed = invocation(path, { WALG_USE_WAL_DELTA: "true" });
  await run(pushed);
  expect(readdirSync(join(repository, "wal_005"))).toEqual([`${golden.name}.zst`]);
  expect(pushed.logged.join()).toContain(`changed blocks of WAL file ${golden.name} are not`);
});
