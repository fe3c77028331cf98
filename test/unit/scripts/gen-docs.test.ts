// Proves that the generated pages are up to date and say all that the tables hold.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exitCodesPage, namePatterns, settingsPage } from "../../../scripts/gen-docs.ts";
import { ERROR_TABLE } from "../../../src/base/errors.ts";
import { namesOf } from "../../../src/config/setting.ts";
import { SETTINGS } from "../../../src/config/table.ts";

const DOCS = join(import.meta.dirname, "../../../docs");

test.each([
  ["settings.md", settingsPage],
  ["exit-codes.md", exitCodesPage],
])("docs/%s is what bun run docs writes", (name, page) => {
  expect(readFileSync(join(DOCS, name), "utf8")).toBe(page());
});

test("the page of settings names every name", () => {
  const page = settingsPage();
  for (const setting of SETTINGS) {
    const patterns = namePatterns(setting);
    for (const pattern of patterns) expect(page).toContain(pattern);
    const expanded = patterns.flatMap((pattern) => {
      const [, prefixes = "", key = ""] = /^`(?:\{(.*)\})?(.*)`$/.exec(pattern) ?? [];
      return prefixes.split(",").map((prefix) => `${prefix}${key}`);
    });
    expect(expanded).toEqual(namesOf(setting));
  }
});

test("the page of exit codes has a row with meaning and hint for every code", () => {
  const page = exitCodesPage();
  for (const [code, { exitCode, meaning, hint }] of Object.entries(ERROR_TABLE)) {
    expect(page).toContain(`| ${exitCode} | \`${code}\` | ${meaning} | ${hint} |`);
  }
});
