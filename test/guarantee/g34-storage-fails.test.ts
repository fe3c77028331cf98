// A storage that is full or read-only ends a backup in the middle of the copy: the server leaves
// backup mode, nothing of the backup stays, and the next one succeeds. With the compiled binary.
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { asServer, runToEnd } from "../support/run-as.ts";
import { binaryCommand } from "../support/run-binary.ts";

test("G34 a full storage ends the backup, and nothing stays", async () => {
  await using site = await BackupSite.create({ version: "17", rows: 5000 });
  for (const directory of [site.cluster.dataDir, null]) {
    // No file may grow beyond 512 KiB: a part is written half-way, as on a full disk.
    const command = binaryCommand(site.pushWords([], { directory }));
    const shell = ["sh", "-c", 'trap "" XFSZ; ulimit -f 1024; exec "$@"', "sh", ...command];
    const env = { ...site.environment(), WALG_COMPRESSION_METHOD: "none" };
    const result = await runToEnd(asServer(shell), { env });
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toContain("/tar_partitions/part_001.tar");
    expect(site.keys()).toEqual([]);
    await site.waitUntilIdle();
  }
  await site.mustPush();
});

test("G34 a storage that may not be written to ends the backup", async () => {
  await using site = await BackupSite.create({ version: "17" });
  await site.archiveAll();
  chmodSync(site.repoDir, 0o500);
  for (const directory of [site.cluster.dataDir, null]) {
    const result = await site.push([], { directory });
    expect([20, 21]).toContain(result.exitCode);
    expect(result.stderr).toContain(join(site.repoDir, "basebackups_005"));
    await site.waitUntilIdle();
  }
  chmodSync(site.repoDir, 0o700);
  expect(site.keys()).toEqual([]);
  await site.mustPush();
});
