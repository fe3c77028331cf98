// Proves that this machine's addons are found when run from source, and are what they should be,
// by reading their ELF headers.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { sodiumAddonPath, zstdAddonPath } from "../../../src/base/addon-files.ts";
import { defined } from "../../../src/base/assert.ts";

test.each([
  ["zstd", zstdAddonPath],
  ["sodium", sodiumAddonPath],
])("finds the %s addon of this machine", async (name, find) => {
  const bytes = readFileSync(defined(await find(), `${name} addon`));
  expect(bytes.subarray(1, 4).toString()).toBe("ELF");
  expect(bytes.readUInt16LE(18)).toBe(process.arch === "arm64" ? 183 : 62);
});
