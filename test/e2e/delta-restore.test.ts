// Proves with real servers and the compiled binary that a delta restore of a chain over the
// directory of a stopped server gives a server that recovers to the last row, and that it is
// refused while the server runs.
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { adoptDirectory } from "../support/postgres-cluster.ts";
import { binaryPath } from "../support/scratch.ts";

it.each(["zstd", "lz4"])("a stopped server's directory becomes the backup (%s)", async (codec) => {
  const settings = { WALG_DELTA_MAX_STEPS: "5", WALG_COMPRESSION_METHOD: codec };
  await using site = await BackupSite.create({ version: "17", rows: 20_000 });
  const { cluster } = site;
  await site.mustPush([], { settings });
  for (let step = 0; step < 2; step += 1) {
    await cluster.changeBench(200);
    await site.mustPush([], { settings });
  }
  await cluster.changeBench(100);
  await site.archiveAll();
  const expected = await site.digest();
  const target = cluster.dataDir;
  const refused = await site.run(["backup-fetch", "--delta", target, "LATEST"]);
  expect(refused.stderr).toContain("postmaster.pid");
  expect(refused.exitCode).toBe(46);
  expect(await site.digest()).toBe(expected);
  await cluster.stop();
  // What somebody did to the directory meanwhile.
  appendFileSync(join(target, "base/1/1259"), "damage");
  writeFileSync(join(target, "base/1/99999"), "of nobody");
  const result = await site.run(["backup-fetch", "--delta", target, "LATEST"]);
  expect(result.stderr).toContain("Backup extraction complete.");
  expect(result.exitCode).toBe(0);
  const command = `${binaryPath()} wal-fetch %f %p`;
  appendFileSync(join(target, "postgresql.auto.conf"), `restore_command = '${command}'\n`);
  writeFileSync(join(target, "recovery.signal"), "");
  await using restored = await adoptDirectory({
    dataDir: target,
    version: "17",
    settings: { archive_mode: "off" },
    env: site.environment(),
  });
  await restored.start();
  await restored.waitUntilPromoted();
  expect(await site.digest(restored)).toBe(expected);
});
