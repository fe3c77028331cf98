// Until the last object is written no reader sees the backup: the listing is watched meanwhile,
// and what a killed one left is neither listed nor restored, nor in the way of the next.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";

/** Slow enough to be looked at. */
const SLOW = { WALG_COMPRESSION_METHOD: "lzma", WALG_TAR_SIZE_THRESHOLD: "500000" };

test("G24 a backup that runs is not listed, and at its end it is complete", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 10_000 });
  const push = site.startPush([], { settings: SLOW });
  let isOver = false;
  const ended = push.exited.finally(() => {
    isOver = true;
  });
  let looks = 0;
  while (!isOver) {
    const keys = site.keys();
    const isListed = keys.some((key) => key.endsWith("_backup_stop_sentinel.json"));
    if (!isListed) {
      looks += keys.length > 0 ? 1 : 0;
    } else {
      for (const name of ["metadata.json", "files_metadata.json", "receipts.bin"]) {
        expect(keys.some((key) => key.endsWith(`/${name}`))).toBe(true);
      }
    }
    await Bun.sleep(5);
  }
  expect(await ended).toBe(0);
  expect(looks).toBeGreaterThan(10);
  expect(site.listed()).toHaveLength(1);
});

test("G24 what a killed backup left is nothing to any reader", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 10_000 });
  const push = site.startPush([], { settings: SLOW });
  await site.cluster.waitUntil("parts are stored", () => site.keys().length > 5);
  push.kill("SIGKILL");
  await push.exited;
  expect(site.keys().length).toBeGreaterThan(5);
  const listed = await site.run(["backup-list", "--json"]);
  expect(listed.stdout.trim()).toBe("[]");
  const target = join(site.scratch.path, "target");
  expect((await site.run(["backup-fetch", target, "LATEST"])).exitCode).toBe(50);
  expect(existsSync(target)).toBe(false);
  const { name } = await site.mustPush();
  await using restored = await site.restore(name);
  expect(await site.digest(restored)).toBe(await site.digest());
});
