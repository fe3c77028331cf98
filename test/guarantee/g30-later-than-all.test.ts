// A new backup comes after all that are there: names rise with the WAL, the same place gives no
// second backup, and a repository whose clock went back is refused. Run with the compiled binary.
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";

test("G30 each backup's name and time are later than those before", async () => {
  await using site = await BackupSite.create({ version: "17" });
  const names: string[] = [];
  for (const directory of [site.cluster.dataDir, null, site.cluster.dataDir, null]) {
    names.push((await site.mustPush([], { directory })).name);
  }
  expect(names).toEqual([...new Set(names)].toSorted());
  const { stdout } = await site.run(["backup-list", "--json"]);
  const listed = JSON.parse(stdout) as { readonly backup_name: string }[];
  expect(listed.map(({ backup_name }) => backup_name)).toEqual(names);
});

test("G30 a clock that went back is an error, and the backup is not listed", async () => {
  await using site = await BackupSite.create({ version: "17" });
  const { name } = await site.mustPush();
  const sentinel = join(site.repoDir, `basebackups_005/${name}_backup_stop_sentinel.json`);
  const later = Date.now() / 1000 + 3600;
  utimesSync(sentinel, later, later);
  const before = site.keys();
  for (const directory of [site.cluster.dataDir, null]) {
    const result = await site.push([], { directory });
    expect(result.exitCode).toBe(20);
    expect(result.stderr).toContain(`before the time of the backup ${name}`);
    expect(site.keys()).toEqual(before);
  }
  utimesSync(sentinel, later - 3601, later - 3601);
  await site.mustPush();
});
