// The same program works from a host with or without the server, or says why not; run with the
// compiled binary where no server is.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

test("G60 what needs only the repository works without a server", async () => {
  using scratch = makeScratch("g60");
  const env = { WALG_FILE_PREFIX: scratch.path };
  const listed = await runBinary(["backup-list", "--json"], { env });
  expect([listed.exitCode, listed.stdout]).toEqual([0, "[]\n"]);
  const destination = join(scratch.path, "restored");
  const absent = await runBinary(["wal-fetch", "000000010000000000000001", destination], { env });
  expect(absent.exitCode).toBe(74);
});

test("G60 what needs the server says that it cannot reach it, and where it looked", async () => {
  using scratch = makeScratch("g60");
  const repository = join(scratch.path, "repository");
  mkdirSync(repository);
  const env = { WALG_FILE_PREFIX: repository, PGHOST: "/no/such/socket", PGUSER: "backup" };
  const pushed = await runBinary(["backup-push", scratch.path], { env });
  expect(pushed.exitCode).toBe(40);
  expect(pushed.stderr).toContain("/no/such/socket");
});
