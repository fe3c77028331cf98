// Proves that the table of settings is consistent: names are unique, and defaults and examples are
// values that the checks accept.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { canonicalName, namesOf, type Setting } from "../../../src/config/setting.ts";
import { findSetting, SECTIONS, SETTINGS, settingOfKey } from "../../../src/config/table.ts";
import { checkedValue } from "../../../src/config/value.ts";
import { typeScriptFiles } from "../../support/source-tree.ts";

test("no name belongs to two settings", () => {
  const names = SETTINGS.flatMap(namesOf);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test("every name finds its setting, in the order of precedence", () => {
  for (const setting of SETTINGS) {
    const found = namesOf(setting).map(findSetting);
    expect(found.map((each) => each?.setting.key)).toEqual(found.map(() => setting.key));
    const ranks = found.map((each) => each?.rank ?? -1);
    expect(ranks, setting.key).toEqual(ranks.toSorted((a, b) => a - b));
    expect(new Set(ranks).size).toBe(ranks.length);
    expect(namesOf(setting)).toContain(canonicalName(setting));
  }
});

test("defaults and examples are good values", () => {
  for (const setting of SETTINGS) {
    const { default: usual, walgDefault, example, status } = setting;
    const name = canonicalName(setting);
    if (status === "retired") continue;
    expect(checkedValue(setting, example, name), name).toBe(example);
    for (const value of [usual, walgDefault]) {
      if (value !== undefined) expect(checkedValue(setting, value, name)).toBe(value);
    }
  }
});

test("what is missing or retired has no default that would look like a choice", () => {
  const without = SETTINGS.filter(({ status }) => status === "missing" || status === "retired");
  expect(without.filter((setting) => setting.default !== undefined).map(keyOf)).toEqual([]);
});

test("a setting that nothing in src reads says so, and one that is read does not", () => {
  const table = /^src\/config\/table-/;
  const text = typeScriptFiles("src")
    .filter(({ path }) => !table.test(path))
    .map(({ path }) => readFileSync(path, "utf8"))
    .join("\n");
  const isRead = ({ key }: Setting) => text.includes(`"${key}"`);
  const supported = SETTINGS.filter(({ status = "supported" }) => status === "supported");
  expect(supported.filter((setting) => !isRead(setting)).map(keyOf)).toEqual([]);
  const idle = SETTINGS.filter(({ status }) => status === "idle");
  expect(idle.filter(isRead).map(keyOf)).toEqual([]);
});

test("a setting without effect has a reason, and no other has one", () => {
  for (const { key, status, idleBecause } of SETTINGS) {
    expect(idleBecause !== undefined, key).toBe(status === "idle");
  }
});

function keyOf({ key }: Setting): string {
  return key;
}

test("names that look like secrets are secret", () => {
  const names = /PASSWORD|PASSPHRASE|SECRET|TOKEN$|SAS|LIBSODIUM_KEY$|SSE_C$|ACCESS_KEY$|PGP_KEY$/;
  const open = SETTINGS.filter(({ key, isSecret }) => names.test(key) && isSecret !== true);
  expect(open.map(({ key }) => key)).toEqual(["S3_USE_YC_SESSION_TOKEN"]);
});

test("help is a line without a full stop", () => {
  for (const { help, key } of SETTINGS) {
    expect(help, key).not.toMatch(/\.$|\n/);
    expect(help.length, key).toBeGreaterThan(2);
  }
});

test.each([
  ["TIDEMARK_S3_PREFIX", "S3_PREFIX", 0],
  ["WALG_S3_PREFIX", "S3_PREFIX", 1],
  ["WALE_S3_PREFIX", "S3_PREFIX", 2],
  ["AWS_REGION", "AWS_REGION", 3],
  ["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", 7],
  ["PGHOST", "PGHOST", 2],
  ["TIDEMARK_DATABASE", "DATABASE", 0],
])("knows %s", (name, key, rank) => {
  expect(findSetting(name)).toMatchObject({ setting: { key }, rank });
});

test.each(["S3_PREFIX", "WALE_DELTA_MAX_STEPS", "WALG_DATABASE", "DATABASE", "WALG_X", "PATH", ""])(
  "does not know %j",
  (name) => {
    expect(findSetting(name)).toBeUndefined();
  },
);

test("finds settings by key and by full name", () => {
  expect(settingOfKey("ZSTD_ENGINE")).toBe(settingOfKey("TIDEMARK_ZSTD_ENGINE"));
  expect(settingOfKey("S3_PREFIX")?.form).toBe("wale");
  expect(settingOfKey("NO_SUCH")).toBeUndefined();
});

test("sections are complete and in the order of the table", () => {
  expect(SECTIONS.flatMap(({ settings }) => settings)).toEqual(SETTINGS);
  expect(new Set(SECTIONS.map(({ area }) => area)).size).toBe(SECTIONS.length);
});
