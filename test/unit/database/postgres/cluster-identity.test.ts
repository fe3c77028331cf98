// The cluster is known by every pg_control in reach, and they must agree.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clusterIdentity } from "../../../../src/database/postgres/cluster-identity.ts";

const GOLDEN = join(import.meta.dirname, "../../../golden/pg-control");
const OF_17 = {
  systemIdentifier: 7711695318746939096n,
  segmentBytes: 1 << 20,
  walBlockBytes: 8192,
};
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cluster-identity-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function dataDirectory(name: string, version: number | undefined): string {
  const path = join(directory, name);
  mkdirSync(join(path, "pg_wal"), { recursive: true });
  mkdirSync(join(path, "global"));
  if (version !== undefined) {
    copyFileSync(join(GOLDEN, `${version}.bin`), join(path, "global", "pg_control"));
  }
  return path;
}

test("is found beside the file, in the working directory, and in PGDATA", () => {
  const data = dataDirectory("data", 17);
  const empty = dataDirectory("empty", undefined);
  const inWal = {
    workingDirectory: "/",
    path: join(data, "pg_wal", "x"),
    dataDirectory: undefined,
  };
  expect(clusterIdentity(inWal)).toEqual(OF_17);
  const relative = { workingDirectory: data, path: "pg_wal/x", dataDirectory: undefined };
  expect(clusterIdentity(relative)).toEqual(OF_17);
  const elsewhere = { workingDirectory: data, path: "/tmp/x", dataDirectory: undefined };
  expect(clusterIdentity(elsewhere)).toEqual(OF_17);
  const byPgdata = { workingDirectory: empty, path: "/tmp/x", dataDirectory: data };
  expect(clusterIdentity(byPgdata)).toEqual(OF_17);
});

test("is unknown where there is none", () => {
  const empty = dataDirectory("empty", undefined);
  const request = { workingDirectory: empty, path: "pg_wal/x", dataDirectory: undefined };
  expect(clusterIdentity(request)).toEqual({});
});

test("of two clusters at once is an error; one behind two paths is not", () => {
  const one = dataDirectory("one", 17);
  const other = dataDirectory("other", 18);
  const mixed = { workingDirectory: one, path: "pg_wal/x", dataDirectory: other };
  expect(() => clusterIdentity(mixed)).toThrow(/different clusters/);
  symlinkSync(one, join(directory, "link"));
  const linked = { ...mixed, dataDirectory: join(directory, "link") };
  expect(clusterIdentity(linked)).toEqual(OF_17);
});
