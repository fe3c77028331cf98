// Proves that names lead nowhere outside the target, that modes are those of the backup, and that
// links exist only when everything else does, on a real directory.
import {
  closeSync,
  existsSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RestoreTree, targetPathOf } from "../../../../src/database/postgres/restore-tree.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-tree-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const makeTree = (links: readonly { oid: string; location: string }[] = []) =>
  new RestoreTree({ dir: root, links, owner: undefined, isCompared: false });
const modeOf = (path: string) => (statSync(join(root, path)).mode & 0o7777).toString(8);

describe("target path", () => {
  it.each([
    ["/", ""],
    ["./", ""],
    ["/base/5/16390", "base/5/16390"],
    ["./base//5/16390", "base/5/16390"],
    ["backup_label", "backup_label"],
    ["/base/..16390", "base/..16390"],
  ])("of %s is %j", (name, path) => {
    expect(targetPathOf(name, "part")).toBe(path);
  });

  it.each(["..", "/..", "a/../b", "/base/../../x", "a/..", "a\0b"])("of %j is refused", (name) => {
    expect(() => targetPathOf(name, "part")).toThrow(/leaves the target/);
  });
});

describe("restore tree", () => {
  it("makes missing directories 0700, and sets named modes at the end", () => {
    const tree = makeTree();
    tree.directory("base", 0o500);
    const descriptor = tree.create("base/5/16390", 0o640);
    writeSync(descriptor, "x");
    closeSync(descriptor);
    expect(modeOf("base")).toBe("700");
    tree.finish(true);
    expect(modeOf("base")).toBe("500");
    expect(modeOf("base/5")).toBe("700");
    expect(modeOf("base/5/16390")).toBe("640");
    expect(modeOf("")).toBe("700");
  });

  it("does not write through a link that lies in the way", () => {
    symlinkSync(tmpdir(), join(root, "way"));
    symlinkSync(join(tmpdir(), "tidemark-elsewhere"), join(root, "file"));
    const tree = makeTree();
    expect(() => tree.create("way/file", 0o600)).toThrow(/cannot be restored/);
    expect(() => tree.create("file", 0o600)).toThrow(/cannot be restored/);
    expect(existsSync(join(tmpdir(), "tidemark-elsewhere"))).toBe(false);
  });

  it("makes links at the end, and no link over a directory", () => {
    const tree = makeTree();
    tree.directory("dir");
    tree.link("dir", "/elsewhere");
    tree.link("postgresql.conf", "/etc/postgresql.conf");
    expect(existsSync(join(root, "postgresql.conf"))).toBe(false);
    tree.finish(false);
    expect(readlinkSync(join(root, "postgresql.conf"))).toBe("/etc/postgresql.conf");
    expect(statSync(join(root, "dir")).isDirectory()).toBe(true);
  });

  it("has the tablespaces' links from the start, and refuses others there", () => {
    const location = join(root, "../");
    const tree = makeTree([{ oid: "16400", location }]);
    expect(readlinkSync(join(root, "pg_tblspc/16400"))).toBe(location);
    expect(tree.isTablespace("pg_tblspc/16400")).toBe(true);
    expect(() => tree.link("pg_tblspc/16401", "/etc")).toThrow(/not mapped/);
  });

  it("opens only what is there as existing", () => {
    const tree = makeTree();
    expect(() => tree.openExisting("base/1")).toThrow(/cannot be restored/);
    closeSync(tree.create("base/1", 0o600));
    closeSync(tree.openExisting("base/1"));
    tree.remove("base/1");
    tree.remove("base/1");
    expect(existsSync(join(root, "base/1"))).toBe(false);
  });
});
