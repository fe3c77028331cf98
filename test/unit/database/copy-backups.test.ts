// Proves the order and the completeness of a copy: whatever put is the last one that happens, no
// backup is listed in the target of which not all is there, and the same call completes it. Every
// damage of the source and every stranger in the target is an error that commits nothing.
import { describe, expect, test } from "vitest";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { Catalog } from "../../../src/catalog/catalog.ts";
import {
  BACKUPS_FOLDER,
  SENTINEL_SUFFIX,
  WAL_FOLDER,
} from "../../../src/catalog/storage-layout.ts";
import type { StorageDriver } from "../../../src/storage/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { alteredDriver } from "../../support/altered-driver.ts";
import {
  contentOf,
  copyAll,
  madeWalOf,
  putObject,
  storeArchive,
  walName,
} from "../../support/copied-backups.ts";
import { storeBackup } from "../../support/made-backup.ts";
import { keysOf, memoryRepository } from "../../support/memory-repository.ts";
import { NEVER } from "../../support/receipts.ts";

const FULL = toBackupName("base_000000010000000000000002");
const FIRST = toBackupName(`base_${walName(4)}_D_${walName(2)}`);
const SECOND = toBackupName(`base_${walName(6)}_D_${walName(4)}`);
const named = (name: string) => ({ selector: { by: "name", name } as const });

async function archive(deltaCount = 2): Promise<Repository> {
  const source = await memoryRepository("zstd");
  await storeArchive(source, deltaCount);
  return source;
}

async function listed(repository: Repository): Promise<readonly string[]> {
  const catalog = new Catalog({ repository, database: "postgres" });
  return (await catalog.list(NEVER)).map(({ name }) => name);
}

/** Segments that are there, by number. */
async function segments({ driver }: Repository): Promise<readonly number[]> {
  const numbers = (await keysOf(driver)).flatMap((key) => {
    const match = /^wal_005\/[0-9A-F]{16}([0-9A-F]{8})\.zst$/.exec(key);
    return match === null ? [] : [Number.parseInt(match[1] ?? "", 16)];
  });
  return numbers;
}

describe("what is copied", () => {
  test("of everything: all backups, oldest first, with the WAL they need", async () => {
    const source = await archive();
    const target = await memoryRepository("zstd");
    const { backups, outcomes } = await copyAll(source, target);
    expect(backups).toEqual([FULL, FIRST, SECOND]);
    expect(await listed(target)).toEqual([FULL, FIRST, SECOND]);
    expect(await segments(target)).toEqual([2, 3, 4, 5, 6, 7]);
    const [from, to] = [await contentOf(source.driver), await contentOf(target.driver)];
    for (const [key, content] of to) expect(from.get(key), key).toBe(content);
    expect(outcomes).toEqual({ copied: to.size, present: 0, replaced: 0 });
    for (const key of from.keys()) if (!key.startsWith(WAL_FOLDER)) expect(to.has(key)).toBe(true);
  });

  test("of one backup: its chain, and nothing that builds on it", async () => {
    const source = await archive();
    const target = await memoryRepository("zstd");
    await copyAll(source, target, named(FIRST));
    expect(await listed(target)).toEqual([FULL, FIRST]);
    expect(await segments(target)).toEqual([2, 3, 4, 5]);
    expect(await keysOf(target.driver)).toEqual(
      expect.arrayContaining([
        "wal_005/00000002.history",
        `wal_005/${walName(0)}_delta.zst`,
        `wal_005/${walName(2)}.00000028.backup.zst`,
      ]),
    );
  });

  test("with history: all WAL since the backup", async () => {
    const source = await archive();
    const target = await memoryRepository("zstd");
    await copyAll(source, target, { ...named(SECOND), withHistory: true });
    expect(await segments(target)).toEqual([2, 3, 4, 5, 6, 7, ...range(8, 20)]);
    expect(await keysOf(target.driver)).toContain(`wal_005/${walName(16)}_delta.zst`);
  });

  test("again: nothing is written, and LATEST stays", async () => {
    const source = await archive();
    const target = await memoryRepository("zstd");
    await copyAll(source, target, { withHistory: true });
    const refusing = refusingPuts(target.driver, () => true);
    const { outcomes } = await copyAll(
      source,
      { ...target, driver: refusing },
      { withHistory: true },
    );
    expect(outcomes.copied).toBe(0);
    expect(outcomes.present).toBe((await keysOf(target.driver)).length);
  });

  test("WAL-G's backups without receipts, as they are", async () => {
    const source = await memoryRepository("lz4");
    await storeBackup(source, { hasReceipts: false, filesMetadata: "{}" });
    for (const number of [2, 3]) {
      await putObject(source.driver, `${WAL_FOLDER}/${walName(number)}.lz4`);
    }
    const target = await memoryRepository("lz4");
    await copyAll(source, target);
    expect(await contentOf(target.driver)).toEqual(await contentOf(source.driver));
  });

  test("nothing of another backup's claim, nor parts that receipts do not know", async () => {
    const source = await archive(0);
    await putObject(source.driver, `${BACKUPS_FOLDER}/${FULL}/claim.json`);
    await putObject(source.driver, `${BACKUPS_FOLDER}/${FULL}/tar_partitions/part_9.tar.zst`);
    const target = await memoryRepository("zstd");
    const { lines } = await copyAll(source, target);
    expect((await keysOf(target.driver)).filter((key) => /claim|part_9/.test(key))).toEqual([]);
    expect(lines.join("\n")).toMatch(/part_9.tar.zst is no part of the backup: left out/);
  });
});

test("whatever is the last object that is stored, only whole backups are listed", async () => {
  const source = await archive(1);
  const whole = await memoryRepository("zstd");
  await copyAll(source, whole, { withHistory: true });
  const all = await contentOf(whole.driver);
  for (let last = 0; last < all.size; last++) {
    const target = await memoryRepository("zstd");
    let puts = 0;
    const driver = refusingPuts(target.driver, () => puts++ >= last);
    const request = { withHistory: true, concurrencyMax: 3 };
    await expect(copyAll(source, { ...target, driver }, request)).rejects.toThrow("no more");
    const there = await contentOf(target.driver);
    for (const name of await listed(target)) {
      for (const key of all.keys()) {
        if (key.startsWith(`${BACKUPS_FOLDER}/${name}/`)) expect(there.has(key), key).toBe(true);
      }
      const { first, last: end } = madeWalOf({ name });
      for (const segment of [first, end]) {
        expect(there.has(`${WAL_FOLDER}/${segment}.zst`), `${name} ${segment}`).toBe(true);
      }
    }
    const { outcomes } = await copyAll(source, target, request);
    expect(outcomes.present).toBe(there.size);
    expect(await contentOf(target.driver)).toEqual(all);
  }
});

describe("what is refused, and then nothing is written", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["tar_partitions/part_001.tar.zst", /part_001/],
    ["tar_partitions/pg_control.tar.zst", /pg_control/],
    ["files_metadata.json", /files_metadata/],
    ["receipts.bin", /receipts/],
  ];
  test.each(cases)("a source whose %s is cut short or gone", async (name, message) => {
    for (const isGone of [true, false]) {
      const source = await archive(0);
      const key = toObjectKey(`${BACKUPS_FOLDER}/${FULL}/${name}`);
      if (isGone) await source.driver.delete([key], NEVER);
      else await cutShort(source.driver, key);
      const target = await memoryRepository("zstd");
      await expect(copyAll(source, target)).rejects.toMatchObject({
        code: "corrupt-object",
        message: expect.stringMatching(message),
      });
      expect(await keysOf(target.driver)).toEqual([]);
    }
  });

  test("a source of WAL-G whose parts are smaller than its sentinel says", async () => {
    const source = await memoryRepository("lz4");
    await storeBackup(source, { hasReceipts: false, sentinel: { CompressedSize: 1_000_000 } });
    for (const number of [2, 3]) {
      await putObject(source.driver, `${WAL_FOLDER}/${walName(number)}.lz4`);
    }
    const target = await memoryRepository("lz4");
    await expect(copyAll(source, target)).rejects.toMatchObject({ code: "corrupt-object" });
    expect(await keysOf(target.driver)).toEqual([]);
  });

  test("a chain without its parent, WAL with a hole, no backup at all", async () => {
    const source = await archive(1);
    const target = await memoryRepository("zstd");
    await source.driver.delete([toObjectKey(`${WAL_FOLDER}/${walName(9)}.zst`)], NEVER);
    await expect(copyAll(source, target, { withHistory: true })).rejects.toMatchObject({
      code: "journal-hole",
    });
    await source.driver.delete([toObjectKey(`${BACKUPS_FOLDER}/${FULL}${SENTINEL_SUFFIX}`)], NEVER);
    await expect(copyAll(source, target)).rejects.toMatchObject({ code: "broken-chain" });
    await expect(copyAll(target, source)).rejects.toMatchObject({ code: "backup-not-found" });
    expect(await keysOf(target.driver)).toEqual([]);
  });

  test("a target that holds something else below the name, unless told to replace it", async () => {
    for (const key of [
      `${BACKUPS_FOLDER}/${FULL}/tar_partitions/part_8.tar.zst`,
      `${BACKUPS_FOLDER}/${FULL}/claim.json`,
      `${BACKUPS_FOLDER}/${FULL}/tar_partitions/part_001.tar.zst`,
      `${BACKUPS_FOLDER}/${FULL}${SENTINEL_SUFFIX}`,
    ]) {
      const source = await archive(0);
      const target = await memoryRepository("zstd");
      await putObject(target.driver, key, "another");
      await expect(copyAll(source, target), key).rejects.toMatchObject({ code: "object-exists" });
      expect(await keysOf(target.driver)).toEqual([key]);
      await copyAll(source, target, { rules: { mayReplace: true, trustsSizes: false } });
      const from = await contentOf(source.driver);
      for (const [one, content] of await contentOf(target.driver)) {
        expect(from.get(one), one).toBe(content);
      }
    }
  });
});

test("a part whose bytes differ from the receipts is found before the sentinel", async () => {
  const source = await archive(1);
  const key = toObjectKey(`${BACKUPS_FOLDER}/${FIRST}/tar_partitions/part_001.tar.zst`);
  const bytes = (await collect(await source.driver.get(key, { signal: NEVER }), 1e9)).slice();
  bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await putObject(source.driver, key, bytes);
  const target = await memoryRepository("zstd");
  await expect(copyAll(source, target)).rejects.toMatchObject({ code: "corrupt-object" });
  expect(await listed(target)).toEqual([FULL]);
});

test("a backup that is replaced is not listed while its parts are", async () => {
  const source = await archive(0);
  const target = await memoryRepository("zstd");
  await storeBackup(target, { name: FULL });
  const driver = refusingPuts(target.driver, (key) => key.includes("tar_partitions"));
  const rules = { mayReplace: true, trustsSizes: false };
  await expect(copyAll(source, { ...target, driver }, { rules })).rejects.toThrow("no more");
  expect(await listed(target)).toEqual([]);
  await copyAll(source, target, { rules });
  expect(await listed(target)).toEqual([FULL]);
});

test("an interruption stops it", async () => {
  const source = await archive(0);
  const target = await memoryRepository("zstd");
  const stop = new AbortController();
  const onBytes = () => stop.abort(new Error("enough"));
  await expect(copyAll(source, target, { onBytes, signal: stop.signal })).rejects.toThrow("enough");
  expect(await listed(target)).toEqual([]);
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

async function cutShort(driver: StorageDriver, key: ReturnType<typeof toObjectKey>) {
  const bytes = await collect(await driver.get(key, { signal: NEVER }), 1e9);
  await putObject(driver, key, bytes.slice(0, -1));
}

/** The same storage, in which some puts fail. */
function refusingPuts(driver: StorageDriver, refuses: (key: string) => boolean): StorageDriver {
  return alteredDriver(driver, {
    put: (...args) => {
      return refuses(args[0]) ? Promise.reject(new Error("no more")) : driver.put(...args);
    },
  });
}
