// Success is said only when the storage has the whole object: storages that cannot take it, at the
// start or half-way, make the compiled binary fail, and leave neither object nor debris. The order
// of fsync and rename is proven with the file driver.
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { asServer, runToEnd } from "../support/run-as.ts";
import { binaryCommand } from "../support/run-binary.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(13, "middle");

test("G06 a storage that cannot take the object is a failure, and nothing is left", async () => {
  using archive = new WalArchive("g06");
  archive.ready(golden.name, golden.bytes);
  archive.tamper("x", new Uint8Array(1));
  chmodSync(join(archive.repoDir, "wal_005"), 0o500);
  const result = await archive.push(golden.name);
  expect([20, 21]).toContain(result.exitCode);
  expect(archive.stored()).toEqual(["x"]);
});

test("G06 a full file system is a failure, and nothing is left", async () => {
  using archive = new WalArchive("g06");
  archive.ready(golden.name, golden.bytes);
  // No file may grow beyond 8 blocks: the write fails half-way, as on a full disk.
  const command = binaryCommand(["wal-push", `pg_wal/${golden.name}`]);
  const shell = ["sh", "-c", 'trap "" XFSZ; ulimit -f 8; exec "$@"', "sh", ...command];
  const options = archive.options({ settings: { WALG_COMPRESSION_METHOD: "none" } });
  const result = await runToEnd(asServer(shell), options);
  expect(result.exitCode).toBe(20);
  expect(archive.stored()).toEqual([]);
  expect(existsSync(join(archive.walDir, golden.name))).toBe(true);
});

test("G06 what was acknowledged is there in full", async () => {
  using archive = new WalArchive("g06");
  archive.ready(golden.name, golden.bytes);
  const settings = { WALG_COMPRESSION_METHOD: "none" };
  expect((await archive.push(golden.name, { settings })).exitCode).toBe(0);
  const path = join(archive.repoDir, "wal_005", golden.name);
  expect(readFileSync(path).equals(golden.bytes)).toBe(true);
});
