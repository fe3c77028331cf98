// Proves the names of a setting for each form, in the order of precedence.
import { expect, test } from "vitest";
import {
  canonicalName,
  type NameForm,
  namesOf,
  type Setting,
  section,
} from "../../../src/config/setting.ts";

function setting(form: NameForm, aliases: readonly string[] = []): Setting {
  return { key: "X", form, kind: "text", help: "x", example: "x", aliases };
}

const CASES: readonly (readonly [NameForm, readonly string[], string])[] = [
  ["own", ["TIDEMARK_X"], "TIDEMARK_X"],
  ["walg", ["TIDEMARK_X", "WALG_X"], "WALG_X"],
  ["wale", ["TIDEMARK_X", "WALG_X", "WALE_X"], "WALG_X"],
  ["driver", ["TIDEMARK_X", "WALG_X", "WALE_X", "X"], "X"],
  ["plain", ["TIDEMARK_X", "WALG_X", "X"], "X"],
];

test.each(CASES)("names a setting of form %s", (form, names, canonical) => {
  expect(namesOf(setting(form))).toEqual(names);
  expect(canonicalName(setting(form))).toBe(canonical);
});

test("puts aliases after the key, and lower-case ones without prefix", () => {
  expect(namesOf(setting("walg", ["Y", "y"]))).toEqual([
    "TIDEMARK_X",
    "WALG_X",
    "TIDEMARK_Y",
    "WALG_Y",
    "y",
  ]);
});

test("keeps the area beside the settings of a section", () => {
  expect(section("wal", [setting("own")])).toEqual({ area: "wal", settings: [setting("own")] });
});
