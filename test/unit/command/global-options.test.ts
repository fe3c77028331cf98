// Proves that the flags of every command cannot be taken for those of a setting.
import { expect, test } from "vitest";
import { GLOBAL_OPTIONS, VERSION_OPTION } from "../../../src/command/global-options.ts";
import { findSetting } from "../../../src/config/table.ts";

test("are WAL-G's and ours", () => {
  expect(GLOBAL_OPTIONS.map(({ name }) => name)).toEqual(
    "config turbo json quiet strict help".split(" "),
  );
  expect(VERSION_OPTION).toMatchObject({ name: "version", kind: "flag" });
});

test("do not hide the flag of a setting", () => {
  for (const { name } of [...GLOBAL_OPTIONS, VERSION_OPTION]) {
    expect(findSetting(name.toUpperCase())).toBeUndefined();
  }
});
