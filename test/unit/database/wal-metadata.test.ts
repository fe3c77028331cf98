// WAL metadata objects have WAL-G's names, keys and form, one a file or one for 16 segments, also
// when the segments of a group are stored out of order.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WalMetadata, type WalMetadataMode } from "../../../src/database/wal-metadata.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { keysOf, memoryRepository } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
const modifiedAt = new Date("2026-11-24T02:19:18.741Z");
const ENTRY = { created_time: "2026-11-24T02:19:18.741Z", date_fmt: "%Y-%m-%dT%H:%M:%S.%fZ" };
const GROUP = "00000001000000000000000";
let directory = "";
let repository: Repository;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "wal-metadata-"));
  repository = await memoryRepository("lz4");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function run(mode: WalMetadataMode, names: readonly string[]): Promise<void> {
  const metadata = new WalMetadata(repository, { mode, directory });
  for (const name of names) await metadata.record({ name, modifiedAt }, signal);
  await metadata.finish(signal);
}

async function document(name: string): Promise<unknown> {
  const stream = await repository.driver.get(toObjectKey(`wal_005/${name}`), { signal });
  return JSON.parse(new TextDecoder().decode(await collect(stream, 1 << 20)));
}

test("individual: one plain object a file", async () => {
  await run("individual", [`${GROUP}8`, `${GROUP}8.00000028.backup`, "00000002.history"]);
  expect(await keysOf(repository.driver)).toEqual([
    `wal_005/${GROUP}8.00000028.backup.json`,
    `wal_005/${GROUP}8.json`,
    "wal_005/00000002.history.json",
  ]);
  expect(await document(`${GROUP}8.json`)).toEqual({ [`${GROUP}8`]: ENTRY });
});

test("bulk: kept until the segment that ends in F, then one object", async () => {
  await run("bulk", [`${GROUP}A`, `${GROUP}B`]);
  expect(await keysOf(repository.driver)).toEqual([]);
  await run("bulk", [`${GROUP}F`, "000000010000000000000010"]);
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${GROUP}.json`]);
  const keys = Object.keys(Object(await document(`${GROUP}.json`)));
  expect(keys).toEqual([`${GROUP}A`, `${GROUP}B`, `${GROUP}F`]);
});

test("bulk: a segment that comes after its group's last is merged in", async () => {
  await run("bulk", [`${GROUP}F`]);
  await run("bulk", [`${GROUP}E`]);
  const keys = Object.keys(Object(await document(`${GROUP}.json`)));
  expect(keys).toEqual([`${GROUP}E`, `${GROUP}F`]);
});

test("bulk: what is done is forgotten", async () => {
  const digits = [..."0123456789ABCDEF"];
  await run(
    "bulk",
    digits.map((digit) => GROUP + digit),
  );
  expect(readdirSync(directory)).toEqual([]);
  await run("bulk", [`${GROUP}F`]);
  await run(
    "bulk",
    digits.map((digit) => `00000001000000000000001${digit}`),
  );
  expect(readdirSync(directory)).toEqual([]);
});
