// Proves that the JSON parser accepts exactly what JSON.parse accepts but keeps every digit, names
// the place of a fault, and that printing is byte for byte what Go's encoder prints.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import {
  decodeUtf8,
  equalJson,
  type JsonValue,
  parseJson,
  parseJsonObject,
  printJson,
  quoteJson,
  sortKeys,
} from "../../../src/base/json.ts";

const GO = { escaping: "go" } as const;

describe("parseJson", () => {
  test.each([
    "null",
    " true ",
    "[]",
    "{}",
    '{"a":[1,-2.5e-3,"x",{"b":null}]}',
    '"\\u00e9\\n\\ud83d\\ude00"',
    '{"":0,"a":1,"a":2}',
    "\t[ 1 ,\r\n 2 ]",
    "0.1",
    "-0",
    "9007199254740991",
  ])("reads %s as JSON.parse does", (text) => {
    expect(parseJson(text, "x")).toEqual(JSON.parse(text));
  });

  test.each([
    ["9007199254740992", 9007199254740992n],
    ["7711557189575262075", 7711557189575262075n],
    ["18446744073709551615", 18446744073709551615n],
    ["-9223372036854775808", -9223372036854775808n],
  ])("keeps every digit of %s", (text, value) => {
    expect(parseJson(text, "x")).toBe(value);
    expect(printJson(parseJson(text, "x"), GO)).toBe(text);
  });

  test.each([
    ["", "line 1 column 1: a value was expected"],
    ["{", "line 1 column 2: a key in quotes"],
    ['{"a" 1}', 'line 1 column 6: ":" was expected'],
    ['{"a":1,}', "line 1 column 8: a key in quotes"],
    ['{"a":1', 'line 1 column 7: "," or "}" was expected'],
    ["[1,\n 2", 'line 2 column 3: "," or "]" was expected'],
    ["[1,]", "line 1 column 4: a value was expected"],
    ["01", "line 1 column 2: text after the document"],
    ["1.", "text after the document"],
    ["+1", "a value was expected"],
    ["tru", "a value was expected"],
    ["nul", "a value was expected"],
    ['"abc', "a string is not finished"],
    ['"a\nb"', "a control character in a string"],
    ['"\\x"', "a bad escape"],
    ['"\\u12"', "a bad escape"],
    ["1e999", "out of range"],
    ["{} {}", "line 1 column 4: text after the document"],
    ["'a'", "a value was expected"],
    ["NaN", "a value was expected"],
  ])("refuses %j and says where", (text, message) => {
    expect(() => parseJson(text, "the object")).toThrow(CorruptObjectError);
    expect(() => parseJson(text, "the object")).toThrow("the object: not valid JSON at line");
    expect(() => parseJson(text, "the object")).toThrow(message);
  });

  test("refuses a document that nests without end", () => {
    expect(() => parseJson("[".repeat(100_000), "x")).toThrow("nested deeper");
  });

  test("refuses every prefix of a document", () => {
    const text = '{"a":[1,true,"x\\n"],"b":{"c":-1.5e3}}';
    for (let end = 0; end < text.length; end += 1) {
      expect(() => parseJson(text.slice(0, end), "x")).toThrow(CorruptObjectError);
    }
  });

  test("keeps a key called __proto__ as a key", () => {
    const value = parseJsonObject('{"__proto__":{"x":1}}', "x");
    expect(Object.keys(value)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("refuses what is JSON but no object where an object must be", () => {
    expect(() => parseJsonObject("[]", "the object")).toThrow("the object: is JSON, but not an");
  });

  test("refuses bytes that are not UTF-8", () => {
    expect(() => decodeUtf8(new Uint8Array([0x22, 0xff]), "key")).toThrow("key: is not UTF-8");
  });
});

describe("printJson", () => {
  test("escapes what Go escapes, and nothing else of it when plain", () => {
    const text = '<a href="x">&\u2028\u2029\u007f\b\f\n\r\t\u0001é';
    expect(quoteJson(text, "go")).toBe(
      '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029\u007f\\b\\f\\n\\r\\t\\u0001é"',
    );
    expect(quoteJson(text, "plain")).toBe(JSON.stringify(text));
  });

  test("prints bigint as a number and leaves undefined keys out", () => {
    expect(printJson({ a: 18446744073709551615n, b: undefined, c: [1n, null] }, GO)).toBe(
      '{"a":18446744073709551615,"c":[1,null]}',
    );
  });

  test("indents as Go's MarshalIndent", () => {
    const value = [{ a: 1, b: [], c: {}, d: [1, 2] }];
    expect(printJson(value, { escaping: "go", indent: 4 })).toBe(
      '[\n    {\n        "a": 1,\n        "b": [],\n        "c": {},\n        "d": [\n' +
        "            1,\n            2\n        ]\n    }\n]",
    );
  });

  test("keeps the order of a map, also of keys that look like numbers", () => {
    const map = new Map([
      ["b", 1],
      ["16384", 2],
      ["9", 3],
    ]);
    expect(printJson(map, GO)).toBe('{"b":1,"16384":2,"9":3}');
  });

  test("sorts keys by bytes, as Go prints maps", () => {
    const value: JsonValue = {
      b: [{ z: 1, é: 2, a: 3 }],
      "9": 1,
      "16384": 2,
      "\u{10000}": 1,
      "\uffff": 1,
    };
    expect(printJson(sortKeys(value), GO)).toBe(
      '{"16384":2,"9":1,"b":[{"a":3,"z":1,"é":2}],"\uffff":1,"\u{10000}":1}',
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol("x"), undefined])(
    "refuses %s, which JSON does not have",
    (value) => {
      expect(() => printJson(value, GO)).toThrow(TypeError);
    },
  );
});

describe("equalJson", () => {
  test.each<[JsonValue, JsonValue, boolean]>([
    [1, 1n, true],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    ["1", 1, false],
    [null, false, false],
    [{}, [], false],
    [12345678901234567n, 12345678901234568n, false],
    [{ toString: 1 }, { valueOf: 1 }, false],
  ])("compares pair %#", (a, b, expected) => {
    expect(equalJson(a, b)).toBe(expected);
    expect(equalJson(b, a)).toBe(expected);
  });

  test("takes numbers for equal that are the same 64-bit float only when asked", () => {
    expect(equalJson(12345678901234567n, 12345678901234568n, true)).toBe(true);
    expect(equalJson(12345678901234567n, 12345678901234569n + 100n, true)).toBe(false);
  });
});
