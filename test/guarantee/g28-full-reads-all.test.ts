// A full backup goes by no time stamp: a file of the same size whose time was put back is stored as
// it is now. (Deltas, which go by times and pages, get proofs of their own.) Run with the binary.
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { giveToServers } from "../support/scratch.ts";

test("G28 a change that shows in no time stamp is in the next full backup", async () => {
  await using site = await BackupSite.create({ version: "17" });
  const path = join(site.cluster.dataDir, "extra.conf");
  writeFileSync(path, "one");
  giveToServers(path);
  const { atime, mtime } = statSync(path);
  const first = await site.mustPush();
  writeFileSync(path, "two");
  utimesSync(path, atime, mtime);
  const second = await site.mustPush();
  utimesSync(path, new Date(0), new Date(0));
  writeFileSync(path, "six");
  utimesSync(path, new Date(0), new Date(0));
  const third = await site.mustPush();
  for (const [{ name }, content] of [
    [first, "one"],
    [second, "two"],
    [third, "six"],
  ] as const) {
    expect(readFileSync(join(await site.fetch(name), "extra.conf"), "utf8")).toBe(content);
  }
});
