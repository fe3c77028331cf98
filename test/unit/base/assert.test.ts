// Proves that assertions pass values through and throw plain errors, which are not for the user.
import { expect, test } from "vitest";
import { assert, defined } from "../../../src/base/assert.ts";
import { ToolError } from "../../../src/base/errors.ts";

test("assert passes what holds and throws with its message what does not", () => {
  expect(() => assert(true, "unused")).not.toThrow();
  expect(() => assert(false, "two parents")).toThrow("assertion failed: two parents");
});

test("defined gives values back, falsy ones too, and throws for null and undefined", () => {
  expect(defined(0, "count")).toBe(0);
  expect(defined("", "name")).toBe("");
  expect(defined(false, "claim")).toBe(false);
  expect(() => defined(undefined, "name")).toThrow("assertion failed: no name");
  expect(() => defined(null, "name")).toThrow("assertion failed: no name");
});

test("a broken assertion is a bug of ours, so it is no ToolError", () => {
  try {
    assert(false, "x");
  } catch (error) {
    expect(error).not.toBeInstanceOf(ToolError);
    return;
  }
  throw new Error("assert did not throw");
});
