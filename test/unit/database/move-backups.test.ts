// Proves that backups move by whole chains: whatever change of either storage is the last one that
// happens, every backup that is listed anywhere is whole and has its parent beside it.
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { ToolError } from "../../../src/base/errors.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { Catalog } from "../../../src/catalog/catalog.ts";
import { BACKUPS_FOLDER, SENTINEL_SUFFIX } from "../../../src/catalog/storage-layout.ts";
import { type MoveRequest, moveBackups } from "../../../src/database/move-backups.ts";
import type { StorageDriver } from "../../../src/storage/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { alteredDriver } from "../../support/altered-driver.ts";
import { contentOf, putObject, walName } from "../../support/copied-backups.ts";
import { storeRandomChain } from "../../support/made-chain.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";
import { seededRandom } from "../../support/random.ts";
import { NEVER } from "../../support/receipts.ts";

const FULL = toBackupName(`base_${walName(2)}`);
const DELTA = toBackupName(`base_${walName(4)}_D_${walName(2)}`);
const OTHER = toBackupName(`base_${walName(9)}`);

/** A chain of two and a full backup. */
async function filled(): Promise<Repository> {
  const source = await memoryRepository("zstd");
  await storeRandomChain(source, seededRandom(1), 1);
  await storeRandomChain(source, seededRandom(2), 0, { segment: 9 });
  return source;
}

async function move(
  source: Repository,
  target: Repository,
  change: Partial<MoveRequest> & { readonly log?: ReturnType<typeof recordingLogger> } = {},
): Promise<{ readonly failures: ToolError[]; readonly lines: string[] }> {
  const { log: logged = recordingLogger(), ...rest } = change;
  const failures: ToolError[] = [];
  await moveBackups({
    source,
    target,
    way: {
      from: source.driver,
      to: target.driver,
      rules: { mayReplace: change.includesPresent ?? false, trustsSizes: false },
      retriesMax: 0,
      clock: SYSTEM_CLOCK,
      log: logged.log,
    },
    database: "postgres",
    name: undefined,
    includesPresent: false,
    preserves: false,
    concurrencyMax: 2,
    backupsMax: Number.POSITIVE_INFINITY,
    objectsMax: Number.POSITIVE_INFINITY,
    signal: NEVER,
    onFailure: (error) => failures.push(error),
    ...rest,
  });
  return { failures, lines: logged.lines };
}

async function listed(repository: Repository): Promise<readonly string[]> {
  const catalog = new Catalog({ repository, database: "postgres" });
  return (await catalog.list(NEVER)).map(({ name }) => name).sort();
}

test("moves all, and leaves nothing", async () => {
  const source = await filled();
  const before = await contentOf(source.driver);
  const target = await memoryRepository("zstd");
  const { lines } = await move(source, target);
  expect(await contentOf(target.driver)).toEqual(before);
  expect(await keysOf(source.driver)).toEqual([]);
  const told = lines.filter((line) => line.startsWith("info: File is transferred"));
  expect(told.length).toBe(before.size);
  expect(told.at(-1)).toMatch(/\(0 left\): "basebackups_005\/.*_backup_stop_sentinel.json"$/);
  expect(lines).toContain("info: Backups will be transferred: 3");
});

test("preserves, moves one by its name, keeps to limits by whole chains", async () => {
  const source = await filled();
  const target = await memoryRepository("zstd");
  await move(source, target, { name: OTHER, preserves: true });
  expect([await listed(source), await listed(target)]).toEqual([[FULL, DELTA, OTHER], [OTHER]]);
  const { lines } = await move(source, target, { backupsMax: 1 });
  expect(lines.join("\n")).toContain("they are more than was allowed");
  expect(await listed(target)).toEqual([OTHER]);
  await move(source, target, { objectsMax: 3 });
  expect(await listed(target)).toEqual([OTHER]);
  await move(source, target, { backupsMax: 2 });
  expect([await listed(source), await listed(target)]).toEqual([[OTHER], [FULL, DELTA, OTHER]]);
  await move(source, target, { includesPresent: true });
  expect(await keysOf(source.driver)).toEqual([]);
});

describe("tears no chain", () => {
  test("an increment needs its parent there, a parent its increments", async () => {
    const source = await filled();
    const target = await memoryRepository("zstd");
    for (const name of [FULL, DELTA]) {
      const { failures } = await move(source, target, { name });
      expect(failures.map(({ code }) => code)).toEqual(["broken-chain"]);
    }
    expect(await keysOf(target.driver)).toEqual([]);
    await move(source, target, { name: FULL, preserves: true });
    expect((await move(source, target, { name: DELTA })).failures).toEqual([]);
    expect([await listed(source), await listed(target)]).toEqual([
      [FULL, OTHER],
      [FULL, DELTA],
    ]);
  });

  test("a damaged chain stays, and the others move", async () => {
    const source = await filled();
    const target = await memoryRepository("zstd");
    const part = `${BACKUPS_FOLDER}/${DELTA}/tar_partitions/pg_control.tar.zst`;
    await putObject(source.driver, part, "short");
    const { failures } = await move(source, target);
    expect(failures.map(({ code }) => code)).toEqual(["corrupt-object"]);
    expect([await listed(source), await listed(target)]).toEqual([[FULL, DELTA], [OTHER]]);
  });

  test("a name that is not there is told", async () => {
    const source = await filled();
    const run = move(source, await memoryRepository("zstd"), { name: toBackupName("base_x") });
    await expect(run).rejects.toMatchObject({ code: "backup-not-found" });
  });
});

/** Some sixty runs: three seconds, and more beside other tests. */
const EVERY_CHANGE_MS = 60_000;

test("whatever change is the last, only whole backups with their parents are listed", {
  timeout: EVERY_CHANGE_MS,
}, async () => {
  const whole = await contentOf((await filled()).driver);
  for (let last = 0; ; last++) {
    const source = await filled();
    const target = await memoryRepository("zstd");
    let changes = 0;
    const stopping = (driver: StorageDriver): StorageDriver => {
      const once = () => {
        changes += 1;
        if (changes > last) throw new Error("no more");
      };
      return alteredDriver(driver, {
        put: async (...args) => {
          once();
          return await driver.put(...args);
        },
        // Batches are removed in no order: one key at a time is the worst of them.
        delete: async (keys, signal) => {
          for (const key of keys) {
            once();
            await driver.delete([key], signal);
          }
        },
      });
    };
    const done = move(
      { ...source, driver: stopping(source.driver) },
      { ...target, driver: stopping(target.driver) },
    ).then(
      () => true,
      () => false,
    );
    const isDone = await done;
    for (const repository of [source, target]) await expectSound(repository, whole);
    await move(source, target, { includesPresent: true });
    const there = await contentOf(target.driver);
    for (const [key, content] of whole) expect(there.get(key), key).toBe(content);
    expect(await listed(source)).toEqual([]);
    if (isDone) break;
  }
});

async function expectSound(repository: Repository, whole: ReadonlyMap<string, string>) {
  const there = await contentOf(repository.driver);
  const names = await listed(repository);
  for (const name of names) {
    if (name === DELTA) expect(names).toContain(FULL);
    for (const [key, content] of whole) {
      if (key.startsWith(`${BACKUPS_FOLDER}/${name}/`)) expect(there.get(key), key).toBe(content);
    }
    const sentinel = toObjectKey(`${BACKUPS_FOLDER}/${name}${SENTINEL_SUFFIX}`);
    expect(there.get(sentinel)).toBe(whole.get(sentinel));
  }
}
