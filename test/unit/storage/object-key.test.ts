// Proves which texts may name an object: nothing that leaves the root or confuses a store.
import { expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";

test.each(["a", "a/b.c", "a b+c%é", ".hidden", "a..b", "日本", "x".repeat(1024)])(
  "takes %j",
  (text) => {
    expect(toObjectKey(text)).toBe(text);
  },
);

test.each([
  "",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "./a",
  "a\0b",
  "a\nb",
  "\u007f",
  "x".repeat(1025),
  "é".repeat(513),
])("refuses %j", (text) => {
  expect(() => toObjectKey(text)).toThrow(ConfigError);
});
