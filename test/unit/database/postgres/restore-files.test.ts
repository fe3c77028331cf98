// Proves which files each backup of a chain contributes, by the table of the format's description,
// and that a chain with a gap is refused.
import { describe, expect, it } from "vitest";
import {
  type FileState,
  type ListedFiles,
  planWantedFiles,
} from "../../../../src/database/postgres/restore-files.ts";

const STATES: Readonly<Record<string, FileState>> = {
  whole: { isIncremented: false, isSkipped: false },
  increment: { isIncremented: true, isSkipped: false },
  skipped: { isIncremented: false, isSkipped: true },
};

function listed(backup: string, files: Readonly<Record<string, string>>): ListedFiles {
  const states = Object.entries(files).map(([name, state]): [string, FileState] => {
    return [name, STATES[state] ?? { isIncremented: false, isSkipped: false }];
  });
  return { backup, files: new Map(states) };
}

const FULL = listed("F", { a: "whole", b: "whole", c: "whole", d: "whole", f: "whole" });
const FIRST = listed("D1", {
  a: "skipped",
  b: "increment",
  c: "increment",
  d: "whole",
  e: "whole",
});
const SECOND = listed("D2", {
  a: "skipped",
  b: "skipped",
  c: "increment",
  d: "skipped",
  e: "increment",
});
const NAMES = ["a", "b", "c", "d", "e", "f"];

describe("wanted files", () => {
  it("follow each file through the chain", () => {
    const plans = planWantedFiles([FULL, FIRST, SECOND]);
    const wanted = plans.map((plan) => NAMES.filter((name) => plan.wants(name)).join(""));
    // A skipped file is wanted and has no entry; d comes from D1, f was dropped.
    expect(wanted).toEqual(["abc", "abcde", "abcde"]);
    const increments = plans.map((plan) => NAMES.filter((name) => plan.isIncrement(name)).join(""));
    expect(increments).toEqual(["", "bc", "ce"]);
    expect(plans.map((plan) => plan.missing().join(""))).toEqual(["abc", "bcde", "ce"]);
    for (const name of "abc") plans[0]?.markRestored(name);
    expect(plans[0]?.missing()).toEqual([]);
  });

  it("are the control file and the labels of the newest backup only", () => {
    const plans = planWantedFiles([FULL, FIRST]);
    for (const name of ["/global/pg_control", "backup_label", "tablespace_map"]) {
      expect(plans.map((plan) => plan.wants(name))).toEqual([false, true]);
    }
  });

  it("are all of a full backup without a list", () => {
    const [plan] = planWantedFiles([{ backup: "F", files: undefined }]);
    expect(plan?.wants("anything")).toBe(true);
    expect(plan?.isIncrement("anything")).toBe(false);
    expect(plan?.missing()).toEqual([]);
  });

  it("are what the increment names, of a full backup without a list", () => {
    const [full] = planWantedFiles([
      { backup: "F", files: undefined },
      listed("D", { a: "skipped", b: "whole" }),
    ]);
    expect(["a", "b"].map((name) => full?.wants(name))).toEqual([true, false]);
    expect(full?.missing()).toEqual(["a"]);
  });

  it("are refused where an ancestor lacks one, or the full backup has no whole", () => {
    expect(() => planWantedFiles([FULL, listed("D", { x: "increment" })])).toThrow(
      "F: has no x, which D builds upon",
    );
    const noFull = listed("F", { a: "increment" });
    expect(() => planWantedFiles([noFull, listed("D", { a: "skipped" })])).toThrow(
      "F: has no whole a",
    );
    expect(() => planWantedFiles([FULL, { backup: "D", files: undefined }])).toThrow(
      "an increment without files_metadata.json",
    );
  });
});
