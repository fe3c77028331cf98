// Proves what of an archive is copied: the range with its company, all histories, the map of
// changed blocks that reaches into it; and that a hole is an error but for a mere parent.
import { expect, test } from "vitest";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { WAL_FOLDER } from "../../../src/catalog/storage-layout.ts";
import { planWal, walPairs } from "../../../src/database/copied-wal.ts";
import type { ClosedWalRange } from "../../../src/wal/archived-range.ts";
import { putObject, storeArchive, walName } from "../../support/copied-backups.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";
import { NEVER } from "../../support/receipts.ts";

const BACKUP = toBackupName("base_000000010000000000000005");

function range(first: number, last: number): ClosedWalRange {
  return { first: walName(first), last: walName(last), segmentBytes: 16 << 20 };
}

async function plan(needed: ClosedWalRange, isRequired: boolean, missing?: number) {
  const { driver } = await memoryRepository("none");
  for (let number = 0; number <= 20; number++) {
    if (number !== missing) await putObject(driver, `${WAL_FOLDER}/${walName(number)}`, "12345");
  }
  for (const name of ["00000002.history", `${walName(0)}_delta`, `${walName(16)}_delta`]) {
    await putObject(driver, `${WAL_FOLDER}/${name}`, "123");
  }
  const { log, lines } = recordingLogger();
  const wal = await planWal(driver, {
    needed: [{ backup: BACKUP, range: needed, isRequired }],
    history: undefined,
    log,
    signal: NEVER,
  });
  return { ...wal, lines };
}

test("brings histories and the map that begins before", async () => {
  const { extras, sizeBytes } = await plan(range(5, 7), true);
  expect(extras.map(({ key }) => key as string).sort()).toEqual([
    `${WAL_FOLDER}/${walName(0)}_delta`,
    `${WAL_FOLDER}/00000002.history`,
  ]);
  expect(sizeBytes).toBe(3 * 5 + 2 * 3);
});

test("a hole is an error, and a warning for what comes along as a parent", async () => {
  for (const missing of [5, 6, 7]) {
    await expect(plan(range(5, 7), true, missing)).rejects.toMatchObject({
      code: "journal-hole",
      message: expect.stringContaining(`${walName(missing)} is missing`),
    });
    const { lines } = await plan(range(5, 7), false, missing);
    expect(lines.join("\n")).toContain(`warning: WAL file ${walName(missing)} is not stored`);
  }
  expect((await plan(range(5, 7), true, 8)).lines).toEqual([]);
});

test("pairs a range with what the target has of it", async () => {
  const source = await memoryRepository("none");
  const target = await memoryRepository("none");
  await storeArchive(source, 0);
  await putObject(target.driver, `${WAL_FOLDER}/${walName(3)}.zst`);
  await putObject(target.driver, `${WAL_FOLDER}/${walName(4)}.lz4`);
  const seen: string[] = [];
  const way = { from: source.driver, to: target.driver };
  for await (const pair of walPairs(way, range(2, 4), NEVER)) {
    seen.push(`${pair.source.key.slice(WAL_FOLDER.length + 1)} ${pair.target !== undefined}`);
  }
  expect(seen).toEqual([
    `${walName(2)}.00000028.backup.zst false`,
    `${walName(2)}.zst false`,
    `${walName(3)}.zst true`,
    `${walName(4)}.zst false`,
  ]);
  expect((await keysOf(target.driver)).length).toBe(2);
});
