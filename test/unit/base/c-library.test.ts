// Proves that functions of the C library can be called, and that a missing one is named.
import { expect, test } from "vitest";
import { openCLibrary } from "../../../src/base/c-library.ts";

test("calls a function", async () => {
  const { getpid } = await openCLibrary({ getpid: { args: [], returns: "i32" } });
  expect(getpid()).toBe(process.pid);
});

test("names a function that no C library has", async () => {
  const opening = openCLibrary({ no_such_function: { args: [], returns: "i32" } });
  await expect(opening).rejects.toThrow(/the C library lacks one of no_such_function/);
});
