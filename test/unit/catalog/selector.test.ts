// Proves what the user's words select, and how user data is compared.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import type { JsonValue } from "../../../src/base/json.ts";
import { matchUserData, parseSelector, parseUserData } from "../../../src/catalog/selector.ts";

const select = (name?: string, userData?: string) => parseSelector({ name, userData });

describe("selectors", () => {
  test("name a backup, the latest, or user data", () => {
    expect(select("LATEST")).toEqual({ by: "latest" });
    expect(select("latest")).toEqual({ by: "name", name: "latest" });
    expect(select("base_A")).toEqual({ by: "name", name: "base_A" });
    expect(select(undefined, '{"a":12345678901234567}')).toEqual({
      by: "user-data",
      userData: { a: 12345678901234567n },
    });
  });

  test("refuse nothing at all, and both at once", () => {
    expect(() => select()).toThrow("insufficient arguments");
    expect(() => select("LATEST", "1")).toThrow(UsageError);
  });

  test.each<[string, JsonValue]>([
    ["plain text", "plain text"],
    ['"quoted"', "quoted"],
    ["7", 7],
    ["true", true],
    ["{broken", "{broken"],
    ["", ""],
  ])("take user data %j", (text, value) => expect(parseUserData(text)).toEqual(value));

  test("prefer exact matches, and fall back to what is the same float", () => {
    const candidates = [
      { id: 1, userData: { n: 12345678901234568n } },
      { id: 2, userData: { n: 12345678901234567n } },
      { id: 3, userData: undefined },
    ];
    const ids = (wanted: JsonValue, from = candidates) =>
      matchUserData(from, wanted).map(({ id }) => id);
    expect(ids({ n: 12345678901234567n })).toEqual([2]);
    expect(ids({ n: 12345678901234567n }, candidates.slice(0, 1))).toEqual([1]);
    expect(ids({ n: 1 })).toEqual([]);
    expect(ids({})).toEqual([]);
  });
});
