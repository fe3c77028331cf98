// Proves that objects move one by one: removed from the source only once the target has them, what
// is there already is left unless told otherwise, limits hold, and one failure stops only itself.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { ToolError } from "../../../src/base/errors.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { type MoveObjectsRequest, moveObjects } from "../../../src/transfer/move-objects.ts";
import { alteredDriver } from "../../support/altered-driver.ts";
import { contentOf, putObject } from "../../support/copied-backups.ts";
import { keysOf, recordingLogger } from "../../support/memory-repository.ts";

class Move {
  readonly from = new MemoryDriver(SYSTEM_CLOCK);
  readonly to = new MemoryDriver(SYSTEM_CLOCK);
  readonly logged = recordingLogger();
  readonly failures: ToolError[] = [];

  async run(
    change: Partial<MoveObjectsRequest> = {},
    way: Partial<MoveObjectsRequest["way"]> = {},
  ) {
    await moveObjects({
      way: {
        from: this.from,
        to: this.to,
        rules: { mayReplace: change.includesPresent ?? false, trustsSizes: false },
        retriesMax: 0,
        clock: SYSTEM_CLOCK,
        log: this.logged.log,
        ...way,
      },
      prefix: "wal_005/",
      includesPresent: false,
      preserves: false,
      concurrencyMax: 3,
      objectsMax: Number.POSITIVE_INFINITY,
      signal: new AbortController().signal,
      onFailure: (error) => this.failures.push(error),
      ...change,
    });
    return [await keysOf(this.from), await keysOf(this.to)];
  }
}

async function filled(): Promise<Move> {
  const move = new Move();
  for (const name of ["wal_005/1", "wal_005/2", "wal_005/3", "other/4"]) {
    await putObject(move.from, name);
  }
  await putObject(move.to, "wal_005/2", "another");
  return move;
}

test("moves what is missing and says how much is left", async () => {
  const move = await filled();
  const [left, there] = await move.run({ concurrencyMax: 1 });
  expect(left).toEqual(["other/4", "wal_005/2"]);
  expect(there).toEqual(["wal_005/1", "wal_005/2", "wal_005/3"]);
  expect((await contentOf(move.to)).get("wal_005/2")).toBe(btoa("another"));
  expect(move.logged.lines).toEqual([
    "info: Total files in the source storage: 3",
    "info: Files missing in the target storage: 2",
    "info: Files will be transferred: 2",
    'info: File is transferred (1 left): "wal_005/1"',
    'info: File is transferred (0 left): "wal_005/3"',
  ]);
});

test("overwrites, preserves and stops where told to", async () => {
  const overwritten = await filled();
  expect((await overwritten.run({ includesPresent: true }))[0]).toEqual(["other/4"]);
  expect((await contentOf(overwritten.to)).get("wal_005/2")).toBe(btoa("wal_005/2"));
  const preserved = await filled();
  const [left, there] = await preserved.run({ preserves: true });
  expect([left?.length, there?.length]).toEqual([4, 3]);
  const limited = await filled();
  expect((await limited.run({ objectsMax: 1 }))[1]).toEqual(["wal_005/1", "wal_005/2"]);
  expect((await limited.run({ objectsMax: 0 }))[1]?.length).toBe(2);
});

test("removes nothing that the target did not take, and goes on with the rest", async () => {
  const move = await filled();
  const to = alteredDriver(move.to, {
    put: (...args) => {
      if (args[0].endsWith("1")) throw new StorageUnavailableError({ storage: "x", key: args[0] });
      return move.to.put(...args);
    },
  });
  const [left] = await move.run({}, { to });
  expect(left).toEqual(["other/4", "wal_005/1", "wal_005/2"]);
  expect(move.failures.map(({ code }) => code)).toEqual(["storage"]);
});

test("what the failure's listener throws ends it", async () => {
  const move = await filled();
  const to = alteredDriver(move.to, {
    put: (key) => Promise.reject(new StorageUnavailableError({ storage: "x", key })),
  });
  const run = move.run(
    {
      onFailure: (error) => {
        throw error;
      },
    },
    { to },
  );
  await expect(run).rejects.toMatchObject({ code: "storage" });
  expect((await keysOf(move.from)).length).toBe(4);
});
