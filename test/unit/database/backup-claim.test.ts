// Proves that one run at a time has the name of a backup: the second is refused while the first
// goes on, a dead run's claim is taken over, and the claim goes with the run.
import { beforeEach, describe, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { claimKey } from "../../../src/catalog/storage-layout.ts";
import { BackupClaim, type BackupOwner } from "../../../src/database/backup-claim.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { keysOf, recordingLogger } from "../../support/memory-repository.ts";

const name = toBackupName("base_000000010000000000000002");
const { signal } = new AbortController();

let driver = new MemoryDriver(SYSTEM_CLOCK);
beforeEach(() => {
  driver = new MemoryDriver(SYSTEM_CLOCK);
});

function owner(processId: number, alive: readonly number[] = [], hostname = "db1"): BackupOwner {
  return { hostname, processId, isAlive: (id) => alive.includes(id) };
}

function take(by: BackupOwner, clock: Clock = SYSTEM_CLOCK) {
  const { log } = recordingLogger();
  return BackupClaim.take({ driver, name, owner: by, clock, log, signal });
}

test("a claim is one object beside the parts, and goes when the run ends", async () => {
  {
    await using _claim = await take(owner(1));
    expect(await keysOf(driver)).toEqual([claimKey(name)]);
  }
  expect(await keysOf(driver)).toEqual([]);
});

test("of many runs at once exactly one gets the name", async () => {
  const alive = [1, 2, 3, 4, 5, 6, 7, 8];
  const results = await Promise.allSettled(alive.map((id) => take(owner(id, alive))));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const result of results) {
    if (result.status === "rejected")
      expect(result.reason).toMatchObject({ code: "backup-running" });
  }
});

describe("a second run", () => {
  test("is refused while the first goes on, and told who has the name", async () => {
    await take(owner(1));
    await expect(take(owner(2, [1]))).rejects.toMatchObject({
      code: "backup-running",
      message: expect.stringContaining("process 1 of db1"),
    });
  });

  test("is refused by a run of another machine, whose processes nobody can see", async () => {
    await take(owner(1, [], "db2"));
    await expect(take(owner(2))).rejects.toMatchObject({ code: "backup-running" });
  });

  test("takes over from a process that is gone", async () => {
    await take(owner(1));
    await expect(take(owner(2))).resolves.toBeInstanceOf(BackupClaim);
  });

  test("takes over from a container that had the same process number", async () => {
    await take(owner(7));
    await expect(take(owner(7, [7]))).resolves.toBeInstanceOf(BackupClaim);
  });

  test("takes over from another machine after a day", async () => {
    await take(owner(1, [], "db2"));
    const later = new Date(Date.now() + 25 * 3_600_000);
    const clock = { ...SYSTEM_CLOCK, now: () => later };
    await expect(take(owner(2), clock)).resolves.toBeInstanceOf(BackupClaim);
  });

  test("does not take a damaged claim for a dead one", async () => {
    const body = bytesSource("{");
    await driver.put(claimKey(name), body, { ifAbsent: true, signal });
    await expect(take(owner(1))).rejects.toMatchObject({ code: "corrupt-object" });
  });
});
