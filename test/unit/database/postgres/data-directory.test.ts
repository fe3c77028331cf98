// The walk of a data directory, proven on directories that are made here: what is stored, what is
// emptied or left out, where tablespaces go, and what vanishes or cannot be read on the way.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FilesystemError } from "../../../../src/base/errors.ts";
import {
  type DirectoryEntry,
  newFindings,
  walkDataDirectory,
} from "../../../../src/database/postgres/data-directory.ts";

let root: string;
let dataDir: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "walk-"));
  dataDir = join(root, "data");
  for (const name of ["global", "base/5", "pg_wal/archive_status", "pg_tblspc"]) make(`${name}/`);
  for (const name of ["PG_VERSION", "global/pg_control", "global/1260", "base/5/16384"]) make(name);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A file with its name in it, or a folder when the name ends in a slash. */
function make(name: string): void {
  const path = join(dataDir, name);
  if (name.endsWith("/")) {
    mkdirSync(path, { recursive: true });
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, name);
}

function walk() {
  const findings = newFindings();
  const entries: DirectoryEntry[] = [...walkDataDirectory(dataDir, findings)];
  return { entries, names: entries.map(({ name }) => name), findings };
}

describe("entries", () => {
  test("come in the order of names, with lstat's facts", () => {
    utimesSync(join(dataDir, "base/5/16384"), 1_700_000_000, 1_700_000_000.5);
    chmodSync(join(dataDir, "base/5/16384"), 0o640);
    const { entries, names, findings } = walk();
    expect(names).toEqual([
      ...["/", "/PG_VERSION", "/base", "/base/5", "/base/5/16384", "/global", "/global/1260"],
      ...["/pg_tblspc", "/pg_wal"],
    ]);
    expect(entries.find(({ name }) => name === "/base/5/16384")).toMatchObject({
      kind: "file",
      sizeBytes: "base/5/16384".length,
      mode: 0o640,
      modifiedAtNs: 1_700_000_000_500_000_000n,
      uid: process.getuid?.(),
    });
    expect(entries[0]).toMatchObject({ name: "/", kind: "directory", sizeBytes: 0 });
    expect(findings.totalBytes).toBeGreaterThan(36);
  });

  test("of a data directory that is given through a link are the same", () => {
    const { names } = walk();
    symlinkSync(dataDir, join(root, "link"));
    const through = [...walkDataDirectory(join(root, "link"), newFindings())];
    expect(through.map(({ name }) => name)).toEqual(names);
  });

  test.each([
    "log",
    "pg_wal",
    "pg_replslot",
    "pg_notify",
    "pg_stat_tmp",
    "pg_subtrans",
    "pg_dynshmem",
    "pg_serial",
    "pg_snapshots",
    "base/pgsql_tmp",
  ])("%s is there and empty", (name) => {
    make(`${name}/inside/file`);
    const { names } = walk();
    expect(names).toContain(`/${name}`);
    expect(names.filter((each) => each.startsWith(`/${name}/`))).toEqual([]);
  });

  test("a folder of the user with such a name deeper down keeps its content", () => {
    make("extension/log/kept");
    expect(walk().names).toContain("/extension/log/kept");
  });

  test.each([
    "postmaster.pid",
    "postmaster.opts",
    "standby.signal",
    "recovery.signal",
    "backup_label",
    "tablespace_map",
    "backup_manifest",
    "postgresql.auto.conf.tmp",
    "global/pg_control",
    "global/pg_internal.init",
    "base/5/pg_internal.init",
    "base/5/t3_16999",
    "base/5/t3_16999_fsm",
    "base/5/t12_16999.1",
  ])("%s is left out", (name) => {
    make(name);
    expect(walk().names).not.toContain(`/${name}`);
  });

  test.each([
    "base/5/16384_init",
    "base/5/16384.1",
    "base/5/t3",
    "sub/postmaster.pid",
    "base/5/pg_control",
  ])("%s is stored", (name) => {
    make(name);
    expect(walk().names).toContain(`/${name}`);
  });

  test("a WAL folder that lies elsewhere becomes an empty directory", () => {
    rmSync(join(dataDir, "pg_wal"), { recursive: true });
    mkdirSync(join(root, "wal"));
    symlinkSync(join(root, "wal"), join(dataDir, "pg_wal"));
    const entry = walk().entries.find(({ name }) => name === "/pg_wal");
    expect(entry).toMatchObject({ kind: "directory", mode: 0o700, linkTarget: "" });
  });

  test.each(["", "/base", "/selfloop"])("a link to the data directory%s is refused", (below) => {
    symlinkSync(dataDir + below, join(dataDir, "selfloop"));
    expect(() => walk()).toThrow(
      /selfloop: link (leads into the data directory|cannot be followed)/,
    );
  });

  test("any other link is stored as a link, and named", () => {
    symlinkSync("/etc/hosts", join(dataDir, "pg_hba.conf"));
    const { entries, findings } = walk();
    const entry = entries.find(({ name }) => name === "/pg_hba.conf");
    expect(entry).toMatchObject({ kind: "symlink", linkTarget: "/etc/hosts" });
    expect(findings.links).toEqual([join(dataDir, "pg_hba.conf")]);
  });

  test("sockets and names that are no text are left out, and named", async () => {
    const server = createServer();
    const path = join(dataDir, "socket");
    await new Promise<void>((resolve) => server.listen(path, resolve));
    writeFileSync(Buffer.concat([Buffer.from(`${dataDir}/`), Buffer.from([0x66, 0xff])]), "x");
    const { names, findings } = walk();
    server.close();
    expect(findings.strangeFiles.toSorted()).toEqual([join(dataDir, "f\ufffd"), path]);
    expect(names.some((name) => name.startsWith("/f") || name === "/socket")).toBe(false);
  });

  test("a walk that finds no end of strange things keeps the first hundred", () => {
    for (let index = 0; index < 150; index += 1) symlinkSync("x", join(dataDir, `link-${index}`));
    expect(walk().findings.links).toHaveLength(100);
  });
});

describe("tablespaces", () => {
  const link = (oid: string, target: string) =>
    symlinkSync(target, join(dataDir, "pg_tblspc", oid));

  test("are walked in the place of their links", () => {
    const place = join(root, "space");
    mkdirSync(join(place, "PG_17_202406281/5"), { recursive: true });
    writeFileSync(join(place, "PG_17_202406281/5/16400"), "rows");
    link("16390", `${place}/`);
    const { names, findings } = walk();
    expect(names.filter((name) => name.startsWith("/pg_tblspc"))).toEqual([
      "/pg_tblspc",
      "/pg_tblspc/16390/PG_17_202406281",
      "/pg_tblspc/16390/PG_17_202406281/5",
      "/pg_tblspc/16390/PG_17_202406281/5/16400",
    ]);
    expect(findings.tablespaces).toEqual([{ oid: "16390", location: place }]);
    expect(findings.links).toEqual([]);
  });

  test("in place are ordinary directories", () => {
    make("pg_tblspc/16390/PG_17_202406281/5/16400");
    const { names, findings } = walk();
    expect(names).toContain("/pg_tblspc/16390");
    expect(names).toContain("/pg_tblspc/16390/PG_17_202406281/5/16400");
    expect(findings.tablespaces).toEqual([]);
  });

  test.each([
    ["into the data directory", () => join(dataDir, "base")],
    ["to the data directory", () => dataDir],
    ["above the data directory", () => root],
    ["to nowhere", () => join(root, "gone")],
    ["in a circle", () => join(dataDir, "pg_tblspc/16390")],
  ])("whose link leads %s are refused", (_where, target) => {
    link("16390", target());
    expect(walk).toThrow(FilesystemError);
    expect(walk).toThrow("pg_tblspc/16390");
  });
});

describe("while the server goes on", () => {
  test("what vanishes is skipped", () => {
    make("base/6/1");
    make("base/7/1");
    const names: string[] = [];
    for (const { name } of walkDataDirectory(dataDir, newFindings())) {
      names.push(name);
      if (name === "/base/6") rmSync(join(dataDir, "base/6"), { recursive: true });
      if (name === "/base/6") rmSync(join(dataDir, "base/7"), { recursive: true });
    }
    expect(names).toContain("/base/6");
    expect(names.filter((name) => /^\/base\/(6\/|7)/.test(name))).toEqual([]);
    expect(names).toContain("/pg_wal");
  });
});
