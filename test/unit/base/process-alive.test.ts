// Proves who counts as alive: this process, and not one that has ended or numbers of no process.
import { expect, test } from "vitest";
import { isProcessAlive } from "../../../src/base/process-alive.ts";

test("this process and that of another user are alive", () => {
  expect(isProcessAlive(process.pid)).toBe(true);
  expect(isProcessAlive(1)).toBe(true);
});

test("a process that ended is not", () => {
  const { pid } = Bun.spawnSync(["true"]);
  expect(isProcessAlive(pid)).toBe(false);
});

test("numbers that name a group or nothing are not", () => {
  for (const id of [0, -1, 1.5, Number.NaN]) expect(isProcessAlive(id)).toBe(false);
});
