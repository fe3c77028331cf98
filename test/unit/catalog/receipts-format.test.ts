// Proves that the documented byte table says what the code does.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  FOOTER_BYTES,
  HAS_CORRUPT_BLOCKS,
  HAS_PAGE_HASHES,
  RECEIPTS_MAGIC,
  RECEIPTS_SENTINEL_KEY,
  RECEIPTS_VERSION,
  TAIL_BYTES,
} from "../../../src/catalog/receipts-format.ts";
import { RECEIPTS_NAME } from "../../../src/catalog/storage-layout.ts";

test("docs/storage-layout.md has the numbers of the format", () => {
  const page = readFileSync("docs/storage-layout.md", "utf8");
  expect(page).toContain(`format version ${RECEIPTS_VERSION}`);
  expect(page).toContain(`magic \`${RECEIPTS_MAGIC}\``);
  expect(page).toContain(`footer, ${FOOTER_BYTES} bytes`);
  expect(page).toContain(`last ${TAIL_BYTES} bytes`);
  expect(page).toContain(`\`0x${HAS_PAGE_HASHES.toString(16)}\` page hashes`);
  expect(page).toContain(`\`0x${HAS_CORRUPT_BLOCKS.toString(16)}\` corrupt blocks`);
  expect(page).toContain(`\`${RECEIPTS_SENTINEL_KEY}\``);
  expect(page).toContain(`<name>/${RECEIPTS_NAME}`);
});
