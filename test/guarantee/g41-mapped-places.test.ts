// Proves that nothing is restored outside the target and the mapped tablespaces: not by a link or a
// name in a tar, not through locations that overlap, and not where the source had them by accident.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DATA_ENTRIES, MADE_PARTS, type MadeEntry, storeBackup } from "../support/made-backup.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

function specOf(locations: Readonly<Record<string, string>>) {
  const links = Object.entries(locations).map(([oid, loc]) => [
    oid,
    { loc, link: `pg_tblspc/${oid}` },
  ]);
  return {
    base_prefix: "/old",
    tablespaces: Object.keys(locations),
    ...Object.fromEntries(links),
  };
}

const IN_TABLESPACE: readonly MadeEntry[] = [
  { name: "/pg_tblspc/16400/PG_12_1", kind: "directory", mode: 0o700 },
  { name: "/pg_tblspc/16400/PG_12_1/1", kind: "directory", mode: 0o700 },
  { name: "/pg_tblspc/16400/PG_12_1/1/2", content: "in the tablespace" },
  { name: "/pg_tblspc", kind: "directory", mode: 0o700 },
];

describe("G41 places of a restore", () => {
  it("G41 a tablespace comes back below its link, at its mapped place", async () => {
    using scratch = makeScratch("g41");
    const repository = await memoryRepository("zstd");
    const location = join(scratch.path, "mapped");
    const backup = await storeBackup(repository, {
      parts: { ...MADE_PARTS, part_001: [...DATA_ENTRIES, ...IN_TABLESPACE] },
      sentinel: { Spec: specOf({ "16400": "/somewhere/else" }) },
    });
    const targetDir = join(scratch.path, "data");
    const text = JSON.stringify(specOf({ "16400": location }));
    const options = { restoreSpec: { path: "spec.json", text } };
    await restoreHere({ repository, backup, targetDir, options });
    expect(readlinkSync(join(targetDir, "pg_tblspc/16400"))).toBe(location);
    expect(readFileSync(join(location, "PG_12_1/1/2"), "utf8")).toBe("in the tablespace");
    expect(readdirSync(location)).toEqual(["PG_12_1"]);
    // The server would follow the backup's own map, back to the old place.
    expect(existsSync(join(targetDir, "tablespace_map"))).toBe(false);
    expect(existsSync("/somewhere/else")).toBe(false);
  });

  it("G41 a spec that leaves a tablespace out is refused", async () => {
    using scratch = makeScratch("g41");
    const repository = await memoryRepository("zstd");
    const Spec = specOf({ "16400": "/somewhere/else", "16401": "/somewhere/third" });
    const backup = await storeBackup(repository, { sentinel: { Spec } });
    const text = JSON.stringify(specOf({ "16400": join(scratch.path, "mapped") }));
    const call = { repository, backup, targetDir: join(scratch.path, "data") };
    const restored = restoreHere({ ...call, options: { restoreSpec: { path: "s", text } } });
    await expect(restored).rejects.toThrow("the restore spec lacks tablespace 16401");
  });

  it.each<[string, (root: string) => Record<string, string>]>([
    ["inside the target", (root) => ({ "16400": join(root, "data/inside") })],
    ["around the target", (root) => ({ "16400": root })],
    ["twice at one place", (root) => ({ "1": join(root, "t"), "2": join(root, "t") })],
    ["inside each other", (root) => ({ "1": join(root, "t/u"), "2": join(root, "t") })],
    ["inside the target through a link", (root) => ({ "1": join(root, "link/inside") })],
  ])("G41 tablespaces %s are refused", async (_title, locations) => {
    using scratch = makeScratch("g41");
    const repository = await memoryRepository("zstd");
    const targetDir = join(scratch.path, "data");
    mkdirSync(targetDir);
    symlinkSync(targetDir, join(scratch.path, "link"));
    const Spec = specOf(locations(scratch.path));
    const backup = await storeBackup(repository, { sentinel: { Spec } });
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow(/overlap/);
    expect(existsSync(join(targetDir, "PG_VERSION"))).toBe(false);
  });

  it("G41 a link in pg_tblspc that nothing maps is refused", async () => {
    using scratch = makeScratch("g41");
    const repository = await memoryRepository("zstd");
    const link: MadeEntry = { name: "/pg_tblspc/7", kind: "symlink", linkName: "/etc" };
    const parts = { ...MADE_PARTS, part_001: [...DATA_ENTRIES, link] };
    const backup = await storeBackup(repository, { parts });
    const targetDir = join(scratch.path, "data");
    await expect(restoreHere({ repository, backup, targetDir })).rejects.toThrow("not mapped");
  });

  it.each<[string, readonly MadeEntry[]]>([
    ["a name with ..", [{ name: "/base/../../outside", content: "x" }]],
    ["a name that is only ..", [{ name: "..", kind: "directory" }]],
    [
      "a file behind a link of the same tar",
      [
        { name: "/way", kind: "symlink", linkName: "ROOT" },
        { name: "/way/outside", content: "x" },
      ],
    ],
    ["a hard link", [{ name: "/base/hard", kind: "hardlink", linkName: "/etc/passwd" }]],
  ])("G41 %s writes nothing outside", async (_title, entries) => {
    using scratch = makeScratch("g41");
    const repository = await memoryRepository("zstd");
    const hostile = entries.map((entry) => {
      return entry.linkName === "ROOT" ? { ...entry, linkName: scratch.path } : entry;
    });
    const parts = { ...MADE_PARTS, part_001: [...DATA_ENTRIES, ...hostile] };
    const backup = await storeBackup(repository, { parts });
    const targetDir = join(scratch.path, "data");
    await restoreHere({ repository, backup, targetDir }).catch(() => {});
    expect(readdirSync(scratch.path)).toEqual(["data"]);
    expect(existsSync(join(targetDir, "base/hard"))).toBe(false);
  });
});
