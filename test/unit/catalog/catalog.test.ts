// Proves how backups are listed, found, chained and committed, on the driver that lives in memory.
import { beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../../src/base/clock.ts";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { CorruptObjectError, UsageError } from "../../../src/base/errors.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { Catalog } from "../../../src/catalog/catalog.ts";
import { BackupNotFoundError, BrokenChainError } from "../../../src/catalog/errors.ts";
import { withReceipts } from "../../../src/catalog/receipts-reader.ts";
import { sentinelKey } from "../../../src/catalog/storage-layout.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { PLAIN_CIPHER } from "../../support/aes-cipher.ts";
import { BACKUP, samplePart, writeReceipts } from "../../support/receipts.ts";

const SIGNAL = new AbortController().signal;
const A = "base_00000001000000000000000A";
const B = "base_00000001000000000000000B_D_00000001000000000000000A";
const C = "base_00000001000000000000000C_D_00000001000000000000000B";

let nowMs = 0;
let driver: MemoryDriver;
let catalog: Catalog;

const clock: Clock = { ...SYSTEM_CLOCK, now: () => new Date(nowMs) };

beforeEach(() => {
  nowMs = 1_700_000_000_000;
  driver = new MemoryDriver(clock);
  catalog = new Catalog({ repository: { name: "default", driver }, database: "postgres" });
});

async function store(key: string, content: unknown): Promise<void> {
  const body = bytesSource(typeof content === "string" ? content : JSON.stringify(content));
  await driver.put(toObjectKey(key), body, { ifAbsent: false, signal: SIGNAL });
}

async function storeBackup(name: string, document: object, metadata?: object): Promise<void> {
  nowMs += 1000;
  if (metadata !== undefined) await store(`basebackups_005/${name}/metadata.json`, metadata);
  await store(sentinelKey(toBackupName(name)), document);
}

const delta = (parent: string, depth: number) => ({
  LSN: 5,
  DeltaFrom: parent,
  DeltaFullName: A,
  DeltaCount: depth,
  DeltaLSN: 1,
});

async function storeChain(): Promise<void> {
  await storeBackup(A, { LSN: 1 });
  await storeBackup(B, delta(A, 1));
  await storeBackup(C, delta(B, 2));
}

describe("a catalog", () => {
  test("lists complete backups only, oldest first by the storage's time", async () => {
    await storeBackup(C, {});
    await storeBackup(A, {});
    await store("basebackups_005/base_000000010000000000000001/metadata.json", {});
    await store("basebackups_005/base_000000010000000000000001/tar_partitions/part_001.tar", "");
    await store("basebackups_005/stray.json", {});
    await store("wal_005/000000010000000000000001", "");
    const entries = await catalog.list(SIGNAL);
    expect(entries).toEqual([
      {
        name: C,
        modifiedNs: 1_700_000_001_000_000_000n,
        walFileName: "00000001000000000000000C",
        storage: "default",
      },
      {
        name: A,
        modifiedNs: 1_700_000_002_000_000_000n,
        walFileName: "00000001000000000000000A",
        storage: "default",
      },
    ]);
  });

  test("lists nothing in an empty storage", async () => {
    expect(await catalog.list(SIGNAL)).toEqual([]);
  });

  test("names the WAL file of a backup without one so that it sorts last", async () => {
    await storeBackup("stream_20260102T030405Z", {});
    expect((await catalog.list(SIGNAL))[0]?.walFileName).toBe("Z".repeat(24));
  });

  test("takes the newest sentinel for LATEST, not the newest name", async () => {
    await storeBackup(C, {});
    await storeBackup(A, {});
    expect((await catalog.find({ by: "latest" }, SIGNAL)).name).toBe(A);
    expect((await catalog.find({ by: "name", name: C }, SIGNAL)).name).toBe(C);
  });

  test("orders equal times by name", async () => {
    await storeBackup(C, {});
    nowMs -= 1000;
    await storeBackup(A, {});
    expect((await catalog.list(SIGNAL)).map(({ name }) => name)).toEqual([A, C]);
  });

  test("says that nothing is there, or that this one is not", async () => {
    await expect(catalog.find({ by: "latest" }, SIGNAL)).rejects.toThrow("No backups found");
    await expect(catalog.find({ by: "user-data", userData: 1 }, SIGNAL)).rejects.toThrow(
      "No backups found",
    );
    const absent = catalog.find({ by: "name", name: A }, SIGNAL);
    await expect(absent).rejects.toThrow(`Backup '${A}' does not exist.`);
    await expect(catalog.read(toBackupName(A), SIGNAL)).rejects.toThrow(BackupNotFoundError);
    expect(await catalog.contains(toBackupName(A), SIGNAL)).toBe(false);
    await storeBackup(A, {});
    expect(await catalog.contains(toBackupName(A), SIGNAL)).toBe(true);
    await expect(catalog.find({ by: "name", name: "../x" }, SIGNAL)).rejects.toThrow(UsageError);
  });

  test("finds by user data, in metadata.json or else in the sentinel", async () => {
    await storeBackup(A, {}, { user_data: { release: "r1" } });
    await storeBackup(B, { UserData: { release: "r2" } });
    await storeBackup(C, { UserData: "stale" }, { user_data: "edited" });
    const find = async (userData: string | { release: string }) =>
      (await catalog.find({ by: "user-data", userData }, SIGNAL)).name;
    expect(await find({ release: "r1" })).toBe(A);
    expect(await find({ release: "r2" })).toBe(B);
    expect(await find("edited")).toBe(C);
    await expect(find("stale")).rejects.toThrow('No backups found with user data "stale"');
  });

  test("refuses user data that matches several backups", async () => {
    await storeBackup(A, {}, { user_data: 1 });
    await storeBackup(B, {}, { user_data: 1 });
    await expect(catalog.find({ by: "user-data", userData: 1 }, SIGNAL)).rejects.toThrow(
      `user data 1 matches ${A}, ${B}`,
    );
  });

  test("gives a chain with the full backup first", async () => {
    await storeChain();
    const chain = await catalog.chain(toBackupName(C), SIGNAL);
    expect(chain.map(({ name }) => name)).toEqual([A, B, C]);
    expect((await catalog.chain(toBackupName(A), SIGNAL)).map(({ name }) => name)).toEqual([A]);
  });

  test("says which link of a chain is gone", async () => {
    await storeChain();
    await driver.delete([sentinelKey(toBackupName(A))], SIGNAL);
    const broken = catalog.chain(toBackupName(C), SIGNAL);
    await expect(broken).rejects.toThrow(BrokenChainError);
    await expect(broken).rejects.toThrow(`backup ${B} builds on ${A}, which is not in storage`);
    await expect(catalog.chain(toBackupName(A), SIGNAL)).rejects.toThrow(BackupNotFoundError);
  });

  test("does not follow a chain in a circle", async () => {
    await storeBackup(B, delta(C, 1));
    await storeBackup(C, delta(B, 2));
    await expect(catalog.chain(toBackupName(C), SIGNAL)).rejects.toThrow(BrokenChainError);
    await storeBackup(A, delta(A, 1));
    await expect(catalog.chain(toBackupName(A), SIGNAL)).rejects.toThrow(BrokenChainError);
  });

  test("names the object that is damaged", async () => {
    await store(`basebackups_005/${A}_backup_stop_sentinel.json`, '{"LSN":');
    await store(`basebackups_005/${A}/metadata.json`, '{"start_lsn":"0/1"}');
    const name = toBackupName(A);
    await expect(catalog.read(name, SIGNAL)).rejects.toThrow(CorruptObjectError);
    await expect(catalog.read(name, SIGNAL)).rejects.toThrow(sentinelKey(name));
    await expect(catalog.metadata(name, SIGNAL)).rejects.toThrow(
      `basebackups_005/${A}/metadata.json: field start_lsn`,
    );
  });

  test("reads metadata of many backups in the order asked for", async () => {
    const names = Array.from({ length: 30 }, (_, i) => toBackupName(`stream_${i}`));
    for (const [i, name] of names.entries()) {
      if (i % 3 > 0) await storeBackup(name, {}, { hostname: `h${i}` });
    }
    const metadata = await catalog.metadataOf(names, SIGNAL);
    expect([...metadata.keys()]).toEqual(names);
    expect([...metadata.values()].map((one) => one?.hostname)).toEqual(
      names.map((_, i) => (i % 3 > 0 ? `h${i}` : undefined)),
    );
  });

  test("gives the receipts that the sentinel names", async () => {
    const { bytes, facts } = await writeReceipts([samplePart(1)], PLAIN_CIPHER);
    const path = `basebackups_005/${BACKUP}/receipts.bin`;
    await driver.put(toObjectKey(path), bytesSource(bytes), { ifAbsent: false, signal: SIGNAL });
    const document = withReceipts({ LSN: 1 }, facts);
    const sentinel = { name: BACKUP, database: "postgres", document } as const;
    const receipts = await catalog.receipts(sentinel, PLAIN_CIPHER, SIGNAL);
    expect(await receipts?.part(samplePart(1).object.key, SIGNAL)).toEqual(samplePart(1));
    const foreign = { ...sentinel, document: { LSN: 1 } };
    expect(await catalog.receipts(foreign, PLAIN_CIPHER, SIGNAL)).toBeUndefined();
  });

  test("finds receipts by name where another tool rewrites sentinels", async () => {
    const { bytes } = await writeReceipts([samplePart(1)], PLAIN_CIPHER);
    const path = `basebackups_005/${BACKUP}/receipts.bin`;
    const mysql = new Catalog({ repository: { name: "default", driver }, database: "mysql" });
    const sentinel = { name: BACKUP, database: "mysql", document: { IsPermanent: true } } as const;
    expect(await mysql.receipts(sentinel, PLAIN_CIPHER, SIGNAL)).toBeUndefined();
    await driver.put(toObjectKey(path), bytesSource(bytes), { ifAbsent: false, signal: SIGNAL });
    expect((await mysql.receipts(sentinel, PLAIN_CIPHER, SIGNAL))?.sections).toHaveLength(1);
  });

  test("commits a sentinel byte for byte", async () => {
    const name = toBackupName(A);
    const document = { LSN: 33554472, SystemIdentifier: 7711557189575262075n, ChkpNum: null };
    await catalog.commit({ name, database: "postgres", document }, SIGNAL);
    expect(await catalog.read(name, SIGNAL)).toEqual({ name, database: "postgres", document });
    expect((await catalog.list(SIGNAL)).map((entry) => entry.name)).toEqual([name]);
  });
});
