// Proves that the place of a fault in a JSON text is found: every cut of a good text, and a table.
import { expect, test } from "vitest";
import { findJsonFault } from "../../../src/config/json-place.ts";

const GOOD = '{ "a": [1, -2.5e+3, true, null, {}], "b\\u00e9\\n": { "c": "d\x7f" }, "e": [] }';

test("walks to the end of a good text", () => {
  expect(JSON.parse(GOOD)).toBeTypeOf("object");
  expect(findJsonFault(`${GOOD}\n`)).toBe(GOOD.length + 1);
});

test("stops at or before the cut of every text that ends too early", () => {
  for (let length = 0; length < GOOD.length; length++) {
    const cut = GOOD.slice(0, length);
    expect(() => JSON.parse(cut)).toThrow();
    expect(findJsonFault(cut), cut).toBeLessThanOrEqual(length);
  }
});

test.each([
  ['{"a": 1,\n "b" 2}', 14],
  ['{"a": 1,}', 8],
  ['{"a": 1} x', 9],
  ["{'a': 1}", 1],
  ['{"a": 01}', 7],
  ['{"a": .5}', 6],
  ["[1 2]", 3],
  ['{"a": "x\ny"}', 6],
  ['{"a": tru}', 6],
])("finds the fault of %j at %i", (text, offset) => {
  expect(() => JSON.parse(text)).toThrow();
  expect(findJsonFault(text)).toBe(offset);
});
