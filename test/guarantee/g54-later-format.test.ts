// Receipts in a format that a later version wrote are refused with an explanation and a code of
// their own, before a file is restored; run with the compiled binary on a repository of WAL-G.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyFixture, type Fixture } from "../support/fixture.ts";
import { runBinary } from "../support/run-binary.ts";
import { makeScratch } from "../support/scratch.ts";

const LATER = readFileSync(join(import.meta.dirname, "../golden/receipts/later-version.bin"));
const NAME = "base_000000010000000000000008";

/** Receipts beside the backup, and what its sentinel says of them. */
function addReceipts(fixture: Fixture, bytes: Uint8Array, version: number): void {
  const folder = join(fixture.repository, "basebackups_005");
  writeFileSync(join(folder, NAME, "receipts.bin"), bytes);
  const path = join(folder, `${NAME}_backup_stop_sentinel.json`);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const facts = { Size: bytes.byteLength, SHA256: sha256, RootSHA256: sha256, Version: version };
  const text = readFileSync(path, "utf8").replace(
    /}$/,
    `,"TidemarkReceipts":${JSON.stringify(facts)}}`,
  );
  writeFileSync(path, text);
}

async function fetch(fixture: Fixture, target: string, name: string) {
  return await runBinary(["backup-fetch", target, NAME], {
    name,
    env: { WALG_FILE_PREFIX: fixture.repository },
  });
}

test.each([
  ["tidemark", 2, 32],
  ["tidemark", 1, 32],
  ["wal-g", 2, 1],
])("G54 called as %s, version %i in the sentinel: exit code %i", async (name, version, code) => {
  using scratch = makeScratch("g54");
  const fixture = copyFixture("pg15-none-full", scratch.path);
  addReceipts(fixture, LATER, version);
  const target = join(scratch.path, "data");
  const result = await fetch(fixture, target, name);
  expect(result.stderr).toContain("written in format version 2, this version reads up to 1");
  expect(result.stderr).toContain("newer tidemark");
  expect(result.exitCode).toBe(code);
  expect(existsSync(target) ? readdirSync(target) : []).toEqual([]);
});

test("G54 damaged receipts are told apart from later ones", async () => {
  using scratch = makeScratch("g54");
  const fixture = copyFixture("pg15-none-full", scratch.path);
  const damaged = Buffer.from(LATER);
  damaged.writeUInt8(damaged.readUInt8(damaged.byteLength - 40) ^ 1, damaged.byteLength - 40);
  addReceipts(fixture, damaged, 1);
  const result = await fetch(fixture, join(scratch.path, "data"), "tidemark");
  expect(result.stderr).toContain("the footer fails its checksum");
  expect(result.exitCode).toBe(30);
});
