// Proves that masks match as Go's filepath.Match does, and that malformed ones are refused.
import { describe, expect, it } from "vitest";
import { parseMask } from "../../../../src/database/postgres/restore-mask.ts";

describe("mask", () => {
  it.each([
    ["base/1/*", "base/1/112", true],
    ["/base/1/*", "base/1/112", true],
    ["base/1/*", "base/1/x/y", false],
    ["base/*", "base/1/112", false],
    ["*/*/112", "base/1/112", true],
    ["base/1/11?", "base/1/112", true],
    ["base/1/11?", "base/1/11/", false],
    ["base/1/11[0-3]", "base/1/112", true],
    ["base/1/11[^0-3]", "base/1/112", false],
    ["base/1/11[^0-3]", "base/1/114", true],
    ["a[\\-x]", "a-", true],
    ["a[z-b]", "ac", false],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a.c", "abc", false],
    ["PG_VERSION", "PG_VERSION", true],
    ["VERSION", "PG_VERSION", false],
    ["ä?", "äö", true],
    ["a[^b]c", "a/c", false],
  ])("%s and %s: %s", (mask, path, isMatch) => {
    expect(parseMask(mask)(path)).toBe(isMatch);
  });

  it.each(["a[", "a[b", "a\\", "[]", "[^]", "[-a]", "a[b-]"])("%s is refused", (mask) => {
    expect(() => parseMask(mask)).toThrow(/not a valid pattern/);
  });
});
