// Proves that typed access to a JSON object is strict, matches keys as Go does and names the field.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { JsonDocument } from "../../../src/base/json-document.ts";

const document = (text: string) => JsonDocument.parse("the object", text);

describe("JsonDocument", () => {
  test("reads each type", () => {
    const fields = document(
      '{"t":"x","f":true,"u":18446744073709551615,"c":7,"o":{"a":"b"},"l":["a","b"],"n":null}',
    );
    expect(fields.text("t")).toBe("x");
    expect(fields.flag("f")).toBe(true);
    expect(fields.unsigned("u")).toBe(18446744073709551615n);
    expect(fields.count("c")).toBe(7);
    expect(fields.nested("o")?.text("a")).toBe("b");
    expect(fields.texts("l")).toEqual(["a", "b"]);
  });

  test.each(["n", "absent"])("takes %s for absent", (key) => {
    const fields = document('{"n":null}');
    expect(fields.text(key)).toBeUndefined();
    expect(fields.flag(key)).toBe(false);
    expect(fields.unsigned(key)).toBeUndefined();
    expect(fields.count(key)).toBeUndefined();
    expect(fields.nested(key)).toBeUndefined();
    expect(fields.texts(key)).toBeUndefined();
    expect(fields.value(key)).toBeUndefined();
    expect(() => fields.required(key, undefined)).toThrow(`field ${key} is missing`);
  });

  test("prefers the exact key, and falls back to one of other case", () => {
    expect(document('{"spec":"a"}').text("Spec")).toBe("a");
    expect(document('{"Spec":"b","spec":"a"}').text("Spec")).toBe("b");
    expect(document('{"SPEC":"c","sPEC":"d"}').text("Spec")).toBe("d");
  });

  test("does not take what every object inherits for a field", () => {
    expect(document("{}").value("constructor")).toBeUndefined();
  });

  test.each([
    ['{"k":1}', "text"],
    ['{"k":"true"}', "flag"],
    ['{"k":"1"}', "unsigned"],
    ['{"k":-1}', "unsigned"],
    ['{"k":1.5}', "unsigned"],
    ['{"k":18446744073709551616}', "unsigned"],
    ['{"k":9007199254740992}', "count"],
    ['{"k":[]}', "nested"],
    ['{"k":["a",1]}', "texts"],
    ['{"k":"a"}', "texts"],
  ] as const)("refuses %s as %s", (text, method) => {
    expect(() => document(text)[method]("k")).toThrow(CorruptObjectError);
    expect(() => document(text)[method]("k")).toThrow("the object: field k");
  });

  test("names the way to a nested field", () => {
    const nested = document('{"o":{"a":1}}').nested("o");
    expect(() => nested?.text("a")).toThrow("the object: o: field a is not text");
  });
});
