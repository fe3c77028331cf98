// Proves that a malformed value is an error with name, value and example, and that a secret one is
// masked in it.
import { expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import type { Setting, SettingKind } from "../../../src/config/setting.ts";
import { checkedValue, MASK } from "../../../src/config/value.ts";

function setting(kind: SettingKind, more: Partial<Setting> = {}): Setting {
  return { key: "K", form: "walg", kind, help: "h", example: "EXAMPLE", ...more };
}

function faultOf(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no error");
}

const BAD: readonly (readonly [SettingKind, string, Partial<Setting>, string])[] = [
  ["flag", "yes", {}, "not true or false"],
  ["whole", "abc", {}, "not a whole number"],
  ["whole", "0", { min: 1 }, "not a whole number of at least 1"],
  ["fraction", "1.01", {}, "not a number from 0 to 1"],
  ["duration", "30", {}, "not a duration such as 30s"],
  ["duration", "0", { min: 1 }, "not a duration of at least 1ms such as 30s"],
  ["size", "x", {}, "not a size"],
  ["choice", "gzip", { choices: ["lz4", "zstd"] }, "not one of lz4, zstd"],
  ["map", "[1]", {}, "not a JSON object"],
  ["map", "{", {}, "not a JSON object"],
];

test.each(BAD)("refuses %s %j", (kind, value, more, wanted) => {
  const fault = faultOf(() => checkedValue(setting(kind, more), value, "WALG_K"));
  expect(fault.message).toContain(`WALG_K is ${JSON.stringify(value)}`);
  expect(fault.message).toContain(wanted);
  expect(fault.hint).toBe("For example: WALG_K=EXAMPLE.");
});

test("masks the value of a secret", () => {
  const secret = setting("whole", { isSecret: true });
  const fault = faultOf(() => checkedValue(secret, "hush-hush", "WALG_K"));
  expect(fault.message).toContain(MASK);
  expect(`${fault.message}${fault.hint}`).not.toContain("hush");
});

test("gives choices as the table writes them", () => {
  const choices = ["NORMAL", "DEVEL"];
  expect(checkedValue(setting("choice", { choices }), "devel", "WALG_K")).toBe("DEVEL");
});

test("leaves good values as they are", () => {
  expect(checkedValue(setting("text"), "000000010000000000000007", "K")).toBe(
    "000000010000000000000007",
  );
  expect(checkedValue(setting("map"), '{"a": {"b": 1}}', "K")).toBe('{"a": {"b": 1}}');
  expect(checkedValue(setting("whole", { min: -1 }), "-1", "K")).toBe("-1");
  expect(checkedValue(setting("fraction"), "0.88", "K")).toBe("0.88");
  expect(checkedValue(setting("duration"), "0", "K")).toBe("0");
  expect(checkedValue(setting("duration", { min: 1 }), "1ms", "K")).toBe("1ms");
});
