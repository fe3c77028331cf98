// Proves which files each backup of a chain contributes, by the table of the format's description,
// which parts hold nothing that is needed, and that a chain with a gap is refused.
import { describe, expect, it } from "vitest";
import {
  type BackupFiles,
  type FileState,
  type ListedBackup,
  planBackupFiles,
} from "../../../../src/database/postgres/restore-files.ts";

const STATES: Readonly<Record<string, FileState>> = {
  whole: { isIncremented: false, isSkipped: false },
  increment: { isIncremented: true, isSkipped: false },
  skipped: { isIncremented: false, isSkipped: true },
};

interface Listed {
  readonly files: Readonly<Record<string, string>>;
  readonly parts?: Readonly<Record<string, readonly string[]>>;
  /** The parts come before the files. */
  readonly isReversed?: boolean;
}

function listed(backup: string, list: Listed | undefined): ListedBackup {
  return {
    backup,
    read: async (visitor) => {
      if (list === undefined) return false;
      const tell = [
        () => {
          for (const [name, state] of Object.entries(list.files)) {
            visitor.file(name, STATES[state] ?? { isIncremented: false, isSkipped: false });
          }
        },
        () => {
          for (const [part, names] of Object.entries(list.parts ?? {})) visitor.part(part, names);
        },
      ];
      for (const one of list.isReversed === true ? tell.reverse() : tell) one();
      return true;
    },
  };
}

const FULL = listed("F", { files: { a: "whole", b: "whole", c: "whole", d: "whole", f: "whole" } });
const FIRST = listed("D1", {
  files: { a: "skipped", b: "increment", c: "increment", d: "whole", e: "whole" },
});
const SECOND = listed("D2", {
  files: { a: "skipped", b: "skipped", c: "increment", d: "skipped", e: "increment" },
});
const NAMES = ["a", "b", "c", "d", "e", "f"];

const shape = (pages: number, blocks: readonly number[]) => ({
  fileBytes: pages * 8192,
  pageBytes: 8192,
  blocks: Uint32Array.from(blocks),
});

describe("files of a chain", () => {
  it("are followed through it", async () => {
    const plans = await planBackupFiles([SECOND, FIRST, FULL]);
    const wanted = plans.map((plan) => NAMES.filter((name) => plan.wants(name)).join(""));
    // A skipped file is wanted and has no entry; d comes from D1, f was dropped.
    expect(wanted).toEqual(["abcde", "abcde", "abc"]);
    const increments = plans.map((plan) => NAMES.filter((name) => plan.isIncrement(name)).join(""));
    expect(increments).toEqual(["ce", "bc", ""]);
    expect(plans.map((plan) => plan.missing().join(""))).toEqual(["ce", "bcde", "abc"]);
    for (const name of "abc") plans[2]?.markRestored(name, undefined);
    expect(plans[2]?.missing()).toEqual([]);
    expect(plans.map((plan) => plan.isNewest)).toEqual([true, false, false]);
  });

  it("are the control file and the labels of the newest backup only", async () => {
    const plans = await planBackupFiles([FIRST, FULL]);
    for (const name of ["/global/pg_control", "backup_label", "tablespace_map"]) {
      expect(plans.map((plan) => plan.wants(name))).toEqual([true, false]);
    }
  });

  it("are all of a full backup without a list", async () => {
    const [plan] = await planBackupFiles([listed("F", undefined)]);
    expect(plan?.wants("anything")).toBe(true);
    expect(plan?.isIncrement("anything")).toBe(false);
    expect(plan?.missing()).toEqual([]);
    expect(plan?.isRedundant("part_001.tar")).toBe(false);
  });

  it("are what the increment names, of a full backup without a list", async () => {
    const [, full] = await planBackupFiles([
      listed("D", { files: { a: "skipped", b: "whole" } }),
      listed("F", undefined),
    ]);
    expect(["a", "b"].map((name) => full?.wants(name))).toEqual([true, false]);
    expect(full?.missing()).toEqual(["a"]);
  });

  it("are those that were chosen", async () => {
    const leftOut: string[] = [];
    const choice = {
      isChosen: (name: string) => name !== "b",
      onLeftOut: (name: string) => leftOut.push(name),
    };
    const plans = await planBackupFiles([FIRST, FULL], choice);
    expect(leftOut).toEqual(["b"]);
    expect(plans.map((plan) => plan.wants("b"))).toEqual([false, false]);
    expect(plans.map((plan) => plan.missing().join(""))).toEqual(["cde", "ac"]);
    const [all] = await planBackupFiles([listed("F", undefined)], choice);
    expect([all?.wants("a"), all?.wants("b")]).toEqual([true, false]);
  });

  it("are refused where an ancestor lacks one, or the full backup has no whole", async () => {
    const refused: readonly [readonly ListedBackup[], string][] = [
      [[listed("D", { files: { x: "increment" } }), FULL], "F: has no x, which D builds upon"],
      [
        [listed("D", { files: { a: "skipped" } }), listed("F", { files: { a: "increment" } })],
        "F: has no whole a",
      ],
      [[listed("D", undefined), FULL], "D: an increment without files_metadata.json"],
      [[SECOND, listed("D1", undefined), FULL], "D1: an increment without files_metadata.json"],
    ];
    for (const [chain, message] of refused) {
      await expect(planBackupFiles(chain)).rejects.toThrow(message);
    }
  });
});

describe("pages of a file", () => {
  const chain = [
    listed("D2", { files: { c: "increment" } }),
    listed("D1", { files: { c: "increment" } }),
    listed("F", { files: { c: "whole" } }),
  ];
  const planned = async (): Promise<readonly [BackupFiles, BackupFiles, BackupFiles]> => {
    const [second, first, full] = await planBackupFiles(chain);
    if (second === undefined || first === undefined || full === undefined) throw new Error("plan");
    return [second, first, full];
  };

  it("that newer backups gave are known to the older ones", async () => {
    const [second, first, full] = await planned();
    expect(full.writtenPages("c")).toBeUndefined();
    second.markRestored("c", shape(4, [1]));
    first.markRestored("c", shape(4, [0, 1]));
    const written = full.writtenPages("c");
    expect([0, 1, 2, 3].map((block) => written?.has(block))).toEqual([true, true, false, false]);
    expect(full.needsMore("c")).toBe(true);
  });

  it("that are all given leave nothing to older backups", async () => {
    const [second, first] = await planned();
    expect(first.needsMore("c")).toBe(true);
    second.markRestored("c", shape(3, [0, 1, 2]));
    expect(first.needsMore("c")).toBe(false);
  });
});

describe("parts of a backup", () => {
  const newest = (isReversed: boolean) =>
    listed("D", {
      files: { a: "skipped", b: "whole" },
      parts: { "part_1.tar": ["b"], "label.tar": ["backup_label"], "empty.tar": [] },
      isReversed,
    });
  const full = (isReversed: boolean, unlisted = false) =>
    listed("F", {
      files: { a: "whole", b: "whole", f: "whole" },
      parts: {
        "part_1.tar": unlisted ? [] : ["a"],
        "part_2.tar": ["b", "f"],
        "label.tar": ["backup_label"],
      },
      isReversed,
    });

  it.each([false, true])(
    "are redundant when nothing in them is wanted (%s)",
    async (isReversed) => {
      const [own, older] = await planBackupFiles([newest(isReversed), full(isReversed)]);
      const redundant = (files: BackupFiles | undefined) =>
        ["part_1.tar", "part_2.tar", "label.tar", "empty.tar", "unknown.tar"].filter((part) =>
          files?.isRedundant(part),
        );
      expect(redundant(own)).toEqual(["empty.tar"]);
      expect(redundant(older)).toEqual(["part_2.tar", "label.tar"]);
    },
  );

  it("are all needed when their lists leave out what is wanted", async () => {
    const [, older] = await planBackupFiles([newest(false), full(false, true)]);
    expect(older?.isRedundant("part_2.tar")).toBe(false);
  });
});
