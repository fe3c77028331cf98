// Proves that a mistyped name finds the one that was meant, and that a foreign one finds none.
import { expect, test } from "vitest";
import { nearestName } from "../../../src/config/nearest-name.ts";

const NAMES = ["wal-push", "wal-fetch", "backup-push", "backup-fetch", "backup-list", "delete"];

test.each([
  ["wal-psh", "wal-push"],
  ["wal-puhs", "wal-push"],
  ["walpush", "wal-push"],
  ["backup-lst", "backup-list"],
  ["backpu-list", "backup-list"],
  ["delte", "delete"],
  ["wal-push", "wal-push"],
])("takes %s for %s", (typed, meant) => {
  expect(nearestName(typed, NAMES)).toBe(meant);
});

test.each(["nope", "x", "", "restore-everything"])("takes %j for nothing", (typed) => {
  expect(nearestName(typed, NAMES)).toBeUndefined();
});
