// Proves what a check of a storage does: a listing, and for writers an object that does not stay.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { probe } from "../../../../src/storage/failover/probe.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { readOnly } from "../../../../src/storage/wrap/read-only.ts";
import { keysOf } from "../../../support/memory-repository.ts";

const { signal } = new AbortController();

class CountingDriver extends MemoryDriver {
  readonly puts: [string, number][] = [];

  override async put(...given: Parameters<MemoryDriver["put"]>) {
    const info = await super.put(...given);
    this.puts.push([info.key, info.sizeBytes]);
    return info;
  }
}

test.each([0, 1, 100_000])("stores and removes an object of %i bytes", async (writeBytes) => {
  const driver = new CountingDriver(SYSTEM_CLOCK);
  await probe(driver, { writeBytes, signal });
  expect(driver.puts).toEqual([["wal-g_storage_check", writeBytes]]);
  expect(await keysOf(driver)).toEqual([]);
});

test("reads only where that is all that is wanted", async () => {
  const driver = new CountingDriver(SYSTEM_CLOCK);
  await probe(readOnly(driver), { writeBytes: undefined, signal });
  expect(driver.puts).toEqual([]);
});

test("fails where the storage does", async () => {
  const driver = readOnly(new MemoryDriver(SYSTEM_CLOCK));
  await expect(probe(driver, { writeBytes: 1, signal })).rejects.toThrow("for reading only");
});
