// By what a file is known again: changes of any of the facts show, fresh and coarse times prove
// nothing, and the text of a mark comes back as it was. One test asks the real file system.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  formatMark,
  identityOf,
  NO_MARK,
  parseMark,
  stateOf,
} from "../../../../src/database/postgres/file-mark.ts";
import { entryAt, entryOf } from "../../../support/directory-entry.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");
const NOW_NS = BigInt(NOW.getTime()) * 1_000_000n;
const FILE = entryOf("/base/5/16384", {
  inode: 12n,
  bornAtNs: NOW_NS - 9_000_000_001n,
  changedAtNs: NOW_NS - 5_000_000_001n,
  modifiedAtNs: NOW_NS - 6_000_000_001n,
  sizeBytes: 8192,
});

describe("the state of a file", () => {
  test.each([
    ["inode", { inode: 13n }],
    ["time of birth", { bornAtNs: FILE.bornAtNs + 1n }],
    ["time of change", { changedAtNs: FILE.changedAtNs - 1n }],
    ["time of modification", { modifiedAtNs: FILE.modifiedAtNs + 1n }],
    ["size", { sizeBytes: 16_384 }],
  ])("is another one with another %s", (_, change) => {
    expect(stateOf({ ...FILE, ...change }, NOW)).not.toBe(stateOf(FILE, NOW));
    expect(stateOf(FILE, NOW)).not.toBe(0n);
  });

  test.each([
    ["within two seconds", NOW_NS - 1_999_999_999n],
    ["in the future, after a clock was set back", NOW_NS + 3_600_000_000_001n],
    ["at a whole second, as coarse file systems keep it", NOW_NS - 600_678_000_000n],
  ])("proves nothing when the file was changed %s", (_, changedAtNs) => {
    expect(stateOf({ ...FILE, changedAtNs }, NOW)).toBe(0n);
  });

  test("of a file whose times were put back is another one", () => {
    const dir = mkdtempSync(join(tmpdir(), "mark-"));
    try {
      const path = join(dir, "file");
      const time = new Date("2026-01-01T00:00:00Z");
      const facts = (content: string) => {
        writeFileSync(path, content);
        utimesSync(path, time, time);
        return entryAt(path, "/file");
      };
      const first = facts("one");
      let second = facts("two");
      // The kernel's time goes on in steps of some milliseconds.
      while (second.changedAtNs === first.changedAtNs) second = facts("two");
      expect(second.modifiedAtNs).toBe(first.modifiedAtNs);
      expect(second.sizeBytes).toBe(first.sizeBytes);
      const later = new Date(Number(second.changedAtNs / 1_000_000n) + 60_000);
      expect(stateOf(first, later)).not.toBe(0n);
      expect(stateOf(second, later)).not.toBe(stateOf(first, later));
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

test("the identity is that of the inode: content and times do not count", () => {
  const changed = { ...FILE, sizeBytes: 0, modifiedAtNs: 1n, changedAtNs: 2n };
  expect(identityOf(changed)).toBe(identityOf(FILE));
  expect(identityOf({ ...FILE, inode: 13n })).not.toBe(identityOf(FILE));
  expect(identityOf({ ...FILE, bornAtNs: FILE.bornAtNs + 1n })).not.toBe(identityOf(FILE));
});

test("marks are text that comes back, whatever the numbers", () => {
  const numbers = [0n, 1n, 0xffff_ffff_ffff_ffffn, 0x0123_4567_89ab_cdefn];
  for (const state of numbers) {
    expect(parseMark(formatMark({ ...NO_MARK, state }))).toEqual({ ...NO_MARK, state });
    for (const value of numbers) {
      for (const kind of ["identity", "content"] as const) {
        expect(parseMark(formatMark({ state, kind, value }))).toEqual({ state, kind, value });
      }
    }
  }
  expect(formatMark({ state: 10n, kind: "content", value: 255n })).toBe(
    "000000000000000ah00000000000000ff",
  );
});

test.each(["", "0", "000000000000000a?0000000000000001", "000000000000000ai1", "A".repeat(16)])(
  "%j is no mark of this version",
  (text) => expect(parseMark(text)).toBeUndefined(),
);
