// Proves what of a standby's directory a catchup replaces, keeps and removes, on real files.
import {
  closeSync as closeFile,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { CatchupStandby } from "../../../../src/database/postgres/catchup-standby.ts";
import { CatchupTree } from "../../../../src/database/postgres/catchup-tree.ts";
import { makeScratch } from "../../../support/scratch.ts";

const FILES = [
  "PG_VERSION",
  "postgresql.conf",
  "server.key",
  "base/5/100",
  "base/5/200",
  "base/5/pg_internal.init",
  "base/9/300",
  "global/1262",
  "global/pg_control.before-catchup",
  "global/pg_control.unfinished",
  "pg_xact/0000",
  "pg_twophase/00000001",
  "pg_wal/000000010000000000000001",
  "pg_replslot/own/state",
  "conf.d/own.conf",
];

function scene() {
  const scratch = makeScratch("catchup-tree");
  const dataDir = join(scratch.path, "data");
  const put = (path: string, root = dataDir) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "old");
  };
  for (const path of FILES) put(path);
  const kept = join(scratch.path, "kept");
  const gone = join(scratch.path, "gone");
  mkdirSync(join(dataDir, "pg_tblspc"));
  for (const [oid, root] of [
    ["1", kept],
    ["2", gone],
  ] as const) {
    put("PG_15_202209061/5/400", root);
    put("PG_14_202107181/5/400", root);
    symlinkSync(root, join(dataDir, "pg_tblspc", oid));
  }
  const standby = { dataDir, majorVersion: "15", owner: undefined } as CatchupStandby;
  const tree = new CatchupTree(standby, [{ oid: "1", location: kept }]);
  return { dataDir, kept, gone, tree, [Symbol.dispose]: () => scratch[Symbol.dispose]() };
}

test("removes what the other side lacks, and nothing that is the standby's own", () => {
  using made = scene();
  const { dataDir, kept, gone, tree } = made;
  for (const folder of ["base", "base/5", "global", "pg_xact", "pg_twophase", "pg_wal"]) {
    tree.directory(folder, 0o700);
  }
  for (const path of ["base/5/100", "pg_xact/0000", "pg_tblspc/1/PG_15_202209061/5/500"]) {
    const descriptor = tree.create(path, 0o600);
    writeSync(descriptor, "new", 0);
    closeFile(descriptor);
  }
  tree.removeDropped([{ oid: "2", location: gone }]);
  tree.finish(false);
  const left = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).sort();
  expect(
    left.filter((path) => /^(base|global|pg_xact|pg_twophase|pg_tblspc)\b(?!\/1\/)/.test(path)),
  ).toEqual([
    "base",
    "base/5",
    "base/5/100",
    "global",
    "global/pg_control.before-catchup",
    "global/pg_control.unfinished",
    "pg_tblspc",
    "pg_tblspc/1",
    "pg_twophase",
    "pg_xact",
    "pg_xact/0000",
  ]);
  for (const path of [
    "postgresql.conf",
    "server.key",
    "pg_replslot/own/state",
    "conf.d/own.conf",
  ]) {
    expect(readFileSync(join(dataDir, path), "utf8")).toBe("old");
  }
  expect(existsSync(join(dataDir, "pg_wal/000000010000000000000001"))).toBe(true);
  expect(readFileSync(join(dataDir, "base/5/100"), "utf8")).toBe("new");
  expect(readdirSync(kept, { recursive: true, encoding: "utf8" }).sort()).toEqual([
    "PG_14_202107181",
    "PG_14_202107181/5",
    "PG_14_202107181/5/400",
    "PG_15_202209061",
    "PG_15_202209061/5",
    "PG_15_202209061/5/500",
  ]);
  expect(readdirSync(gone)).toEqual(["PG_14_202107181"]);
});

test("says where each file goes", () => {
  using made = scene();
  const { tree } = made;
  expect(tree.place("global/pg_control")).toBe("global/pg_control.unfinished");
  expect(tree.place("base/5/1")).toBe("base/5/1");
  expect(tree.place("PG_VERSION")).toBe("PG_VERSION");
  expect(tree.place("backup_label")).toBe("backup_label");
  expect(tree.place("extra.conf")).toBe("extra.conf");
  for (const own of ["postgresql.conf", "server.key", "tablespace_map", "standby.signal"]) {
    expect(tree.place(own)).toBeUndefined();
  }
});

test("leaves links and folders of the standby's own as they are", () => {
  using made = scene();
  const { dataDir, kept, tree } = made;
  const outside = join(kept, "wal");
  mkdirSync(outside);
  symlinkSync(outside, join(dataDir, "pg_dynshmem"));
  symlinkSync("/nowhere", join(dataDir, "server.crt"));
  tree.directory("pg_dynshmem", 0o700);
  tree.link("server.crt", "/etc/elsewhere");
  tree.link("new.crt", "/etc/elsewhere");
  tree.finish(false);
  expect(existsSync(join(dataDir, "pg_dynshmem"))).toBe(true);
  const links = readdirSync(dataDir, { withFileTypes: true }).filter((one) => one.isSymbolicLink());
  expect(links.map(({ name }) => name).sort()).toEqual(["new.crt", "pg_dynshmem", "server.crt"]);
});
