// Proves with the real cipher that sections of receipts are read by range and decrypted one by
// one, that another key is refused, and that nothing of their content lies in the stored bytes.
import { describe, expect, test } from "vitest";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { WrongKeyError } from "../../src/cipher/errors.ts";
import { openLibsodiumCipher, transformKey } from "../../src/cipher/libsodium.ts";
import {
  DOCUMENTS,
  NEVER,
  openBytes,
  readAll,
  samplePart,
  writeReceipts,
} from "../support/receipts.ts";

function cipher(text: string) {
  return openLibsodiumCipher(transformKey(Buffer.from(text), "none"), { log: SILENT_LOGGER });
}

const OWN = cipher("the first key, long enough for all");
const OTHER = cipher("the other key, long enough for all");
const PARTS = Array.from({ length: 20 }, (_, i) => samplePart(i));

describe("receipts with libsodium", () => {
  test("come back as written, one section or all", async () => {
    const { bytes, facts } = await writeReceipts(PARTS, OWN);
    const reader = await openBytes(bytes, facts, OWN);
    expect(await reader?.part(samplePart(7).object.key, NEVER)).toEqual(samplePart(7));
    expect(reader && (await readAll(reader))).toEqual(PARTS);
    expect(reader?.documents).toEqual(DOCUMENTS);
    expect(Buffer.from(bytes).includes("part_0")).toBe(false);
    expect(Buffer.from(bytes).includes("/base/5")).toBe(false);
  });

  test("refuse another key as such", async () => {
    const { bytes, facts } = await writeReceipts(PARTS, OWN);
    await expect(openBytes(bytes, facts, OTHER)).rejects.toThrow(WrongKeyError);
  });
});
