// Proves that THIRD_PARTY.md names what the executable embeds today, by making it again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderThirdParty } from "../../../scripts/third-party.ts";

const PATH = join(import.meta.dirname, "../../../THIRD_PARTY.md");

test("the page is current", async () => {
  const page = await renderThirdParty();
  expect(readFileSync(PATH, "utf8"), "run `bun run third-party`").toBe(page);
});

test("every dependency that is meant to be shipped is on it, and nothing of the tests", () => {
  const page = readFileSync(PATH, "utf8");
  for (const name of ["@mongodb-js/zstd-linux-arm64-musl", "sodium-native", "cac"]) {
    expect(page).toContain(`| ${name} |`);
  }
  for (const name of ["vitest", "postgres-17", "typescript"]) {
    expect(page).not.toContain(`| ${name} |`);
  }
});
