// Proves which targets are taken, which left-overs are emptied, and that two restores never share
// one, on real directories.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  prepareRestoreTarget,
  RESTORE_MARKER,
  releaseRestoreTarget,
} from "../../../../src/database/postgres/restore-target.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

let root = "";
const { log } = recordingLogger();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-target-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const prepare = (dir: string, links: readonly { oid: string; location: string }[] = []) =>
  prepareRestoreTarget({ dir, links, log });

/** A folder as a restore leaves it when its process dies. */
function leaveRest(dir: string, marker: object | string): void {
  mkdirSync(join(dir, "base"), { recursive: true });
  writeFileSync(join(dir, "base/1"), "half");
  const text = typeof marker === "string" ? marker : JSON.stringify(marker);
  writeFileSync(join(dir, RESTORE_MARKER), text);
}

const DEAD = { id: "x", host: hostname(), pid: 2 ** 22 + 1, bornAt: "1" };

describe("restore target", () => {
  it("is made with mode 0700, marked, and released", () => {
    const dir = join(root, "a/b");
    const target = prepare(dir);
    expect(target.dir).toBe(dir);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dir)).toEqual([RESTORE_MARKER]);
    releaseRestoreTarget(target);
    expect(readdirSync(dir)).toEqual([]);
  });

  it("may be a link to an empty directory, whose mode is set", () => {
    mkdirSync(join(root, "real"), { mode: 0o755 });
    symlinkSync("real", join(root, "link"));
    expect(prepare(join(root, "link")).dir).toBe(join(root, "real"));
    expect(statSync(join(root, "real")).mode & 0o777).toBe(0o700);
  });

  it("loses a read-ahead of WAL that lies there alone", () => {
    const dir = join(root, "data");
    mkdirSync(join(dir, ".wal-g/prefetch"), { recursive: true });
    prepare(dir);
    expect(existsSync(join(dir, ".wal-g"))).toBe(false);
  });

  it.each<[string, object | string]>([
    ["of a dead process", DEAD],
    ["of another host", { ...DEAD, host: "elsewhere", pid: 1 }],
    ["of a process whose number is in use again", { ...DEAD, pid: process.ppid }],
    ["whose marker was cut short", '{"id":"x","ho'],
  ])("takes the rest of a restore %s and empties it", (_title, marker) => {
    const dir = join(root, "data");
    leaveRest(dir, marker);
    prepare(dir);
    expect(readdirSync(dir)).toEqual([RESTORE_MARKER]);
    expect(readFileSync(join(dir, RESTORE_MARKER), "utf8")).toContain(`"pid":${process.pid}`);
  });

  it("does not take a directory with pg_control, marker or not", () => {
    const dir = join(root, "data");
    leaveRest(dir, DEAD);
    mkdirSync(join(dir, "global"));
    writeFileSync(join(dir, "global/pg_control"), "");
    expect(() => prepare(dir)).toThrow(/must be empty/);
    expect(readFileSync(join(dir, "base/1"), "utf8")).toBe("half");
  });

  it("does not take one whose restore still runs", () => {
    const dir = join(root, "data");
    const running = prepare(dir);
    const marker = JSON.parse(readFileSync(join(dir, RESTORE_MARKER), "utf8")) as object;
    const text = readFileSync(`/proc/${process.ppid}/stat`, "latin1");
    const bornAt = text.slice(text.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(
      join(dir, RESTORE_MARKER),
      JSON.stringify({ ...marker, pid: process.ppid, bornAt }),
    );
    expect(() => prepare(dir)).toThrow(/is running/);
    releaseRestoreTarget(running);
  });

  it("includes the tablespaces' folders: all or nothing is made", () => {
    const dir = join(root, "data");
    const full = join(root, "full");
    mkdirSync(full);
    writeFileSync(join(full, "mine"), "");
    const links = [
      { oid: "1", location: join(root, "fresh") },
      { oid: "2", location: full },
    ];
    expect(() => prepare(dir, links)).toThrow(/full for delta base must be empty/);
    expect(readdirSync(root)).toEqual(["full"]);
    rmSync(join(full, "mine"));
    const target = prepare(dir, links);
    expect(readdirSync(root).sort()).toEqual(["data", "fresh", "full"]);
    releaseRestoreTarget(target);
    expect(readdirSync(full)).toEqual([]);
  });

  it("empties a tablespace's folder only when it has a marker too", () => {
    const dir = join(root, "data");
    const location = join(root, "ts");
    leaveRest(dir, DEAD);
    leaveRest(location, DEAD);
    prepare(dir, [{ oid: "1", location }]);
    expect(readdirSync(location)).toEqual([RESTORE_MARKER]);
  });
});
