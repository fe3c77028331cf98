// Proves that receipts come back as written, plain and encrypted, that only what is needed is
// fetched, and that no damaged byte, cut or foreign object is ever believed.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { CorruptObjectError, ToolError } from "../../../src/base/errors.ts";
import { FOOTER_BYTES } from "../../../src/catalog/receipts-format.ts";
import { UnsupportedFormatError } from "../../../src/catalog/receipts-index.ts";
import { openReceipts, receiptsFacts, withReceipts } from "../../../src/catalog/receipts-reader.ts";
import { encodeSentinel } from "../../../src/catalog/sentinel.ts";
import { receiptsKey } from "../../../src/catalog/storage-layout.ts";
import type { ByteRange } from "../../../src/storage/driver.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { aesCipher, PLAIN_CIPHER } from "../../support/aes-cipher.ts";
import {
  BACKUP,
  DOCUMENTS,
  NEVER,
  openBytes,
  readAll,
  samplePart,
  writeReceipts,
} from "../../support/receipts.ts";

const PARTS = [samplePart(1), samplePart(2), { ...samplePart(3), entries: [] }];
const AES = aesCipher(new Uint8Array(32).fill(7));

function flipped(bytes: Uint8Array, at: number, mask = 0x01): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ mask;
  return copy;
}

describe("receipts", () => {
  test.each([
    ["plain", PLAIN_CIPHER],
    ["encrypted", AES],
  ])("come back as written, %s", async (_, cipher) => {
    const { bytes, facts } = await writeReceipts(PARTS, cipher);
    const reader = await openBytes(bytes, facts, cipher);
    expect(reader && (await readAll(reader))).toEqual(PARTS);
    expect(reader?.documents).toEqual(DOCUMENTS);
    expect(reader?.document("metadata.json")).toEqual(DOCUMENTS[0]);
    expect(reader?.document("other.json")).toBeUndefined();
    expect(reader?.sections.map(({ key, partStoredBytes }) => [key, partStoredBytes])).toEqual(
      PARTS.map(({ object }) => [object.key, object.storedBytes]),
    );
    expect(await reader?.part("basebackups_005/x", NEVER)).toBeUndefined();
    await reader?.proveWhole(facts, NEVER);
    expect(bytes.byteLength).toBe(facts.sizeBytes);
  });

  test("of a backup without parts come back too", async () => {
    const { bytes, facts } = await writeReceipts([], PLAIN_CIPHER);
    expect((await openBytes(bytes, facts, PLAIN_CIPHER))?.sections).toEqual([]);
  });

  test("are read by range: footer, index and one section of many", async () => {
    const parts = Array.from({ length: 200 }, (_, i) => samplePart(i));
    const { bytes, facts } = await writeReceipts(parts, PLAIN_CIPHER);
    const ranges: ByteRange[] = [];
    const driver = new MemoryDriver(SYSTEM_CLOCK);
    await driver.put(receiptsKey(BACKUP), bytesSource(bytes), { ifAbsent: true, signal: NEVER });
    const watched = {
      stat: () => Promise.reject(new Error("the sentinel says the size")),
      get: (...args: Parameters<MemoryDriver["get"]>) => {
        ranges.push(args[1].range ?? { offset: 0, length: bytes.byteLength });
        return driver.get(...args);
      },
    };
    const request = { driver: watched, cipher: PLAIN_CIPHER, backup: BACKUP, signal: NEVER };
    const reader = await openReceipts({ ...request, facts });
    expect(await reader?.part(samplePart(57).object.key, NEVER)).toEqual(samplePart(57));
    expect(ranges).toHaveLength(3);
    expect(ranges[0]).toEqual({ offset: bytes.byteLength - FOOTER_BYTES, length: FOOTER_BYTES });
    expect(ranges.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(bytes.byteLength / 2);
  });

  test("of every prefix are refused", async () => {
    const { bytes, facts } = await writeReceipts(PARTS.slice(0, 1), PLAIN_CIPHER);
    for (let end = 0; end < bytes.byteLength; end += 1) {
      const cut = bytes.subarray(0, end);
      await expect(openBytes(cut, facts, PLAIN_CIPHER)).rejects.toThrow(CorruptObjectError);
      await expect(openBytes(cut, undefined, PLAIN_CIPHER)).rejects.toThrow(CorruptObjectError);
    }
  });

  test.each([
    ["plain", PLAIN_CIPHER],
    ["encrypted", AES],
  ])("with any byte flipped are refused, %s", async (_, cipher) => {
    const { bytes, facts } = await writeReceipts(PARTS.slice(0, 2), cipher);
    for (let at = 0; at < bytes.byteLength; at += 1) {
      for (const known of [facts, undefined]) {
        const reading = openBytes(flipped(bytes, at, 1 << (at % 8)), known, cipher).then(
          (reader) => reader && readAll(reader),
        );
        await expect(reading).rejects.toThrow(CorruptObjectError);
      }
    }
  });

  test("of another backup with valid hashes are refused by what the sentinel says", async () => {
    const own = await writeReceipts(PARTS.slice(0, 1), PLAIN_CIPHER);
    const other = await writeReceipts(PARTS.slice(1, 2), PLAIN_CIPHER);
    expect(other.bytes.byteLength).toBe(own.bytes.byteLength);
    await expect(openBytes(other.bytes, own.facts, PLAIN_CIPHER)).rejects.toThrow("SHA-256");
    const reader = await openBytes(other.bytes, undefined, PLAIN_CIPHER);
    await expect(reader?.proveWhole(own.facts, NEVER)).rejects.toThrow(CorruptObjectError);
  });

  test("that the sentinel names and the storage lacks are damage, not absence", async () => {
    const { facts } = await writeReceipts(PARTS, PLAIN_CIPHER);
    const driver = new MemoryDriver(SYSTEM_CLOCK);
    const request = { driver, cipher: PLAIN_CIPHER, backup: BACKUP, signal: NEVER };
    await expect(openReceipts({ ...request, facts })).rejects.toThrow("is missing");
    expect(await openReceipts({ ...request, facts: undefined })).toBeUndefined();
  });

  test("that are encrypted need a key, and say so", async () => {
    const { bytes, facts } = await writeReceipts(PARTS, AES);
    await expect(openBytes(bytes, facts, PLAIN_CIPHER)).rejects.toMatchObject({
      code: "wrong-key",
    });
    const other = aesCipher(new Uint8Array(32).fill(8));
    await expect(openBytes(bytes, facts, other)).rejects.toThrow(ToolError);
  });

  test("that are plain are read although a key is configured by now", async () => {
    const { bytes, facts } = await writeReceipts(PARTS, PLAIN_CIPHER);
    expect((await openBytes(bytes, facts, AES))?.sections).toHaveLength(3);
  });

  test("of version 1 stay readable for ever", async () => {
    const bytes = readFileSync("test/golden/receipts/version-1.bin");
    const reader = await openBytes(bytes, undefined, PLAIN_CIPHER);
    expect(reader && (await readAll(reader))).toEqual(PARTS);
    expect(reader?.documents).toEqual(DOCUMENTS);
    // Another release of zstd may compress otherwise; what is above must hold even then.
    const written = await writeReceipts(PARTS, PLAIN_CIPHER);
    expect(Buffer.compare(written.bytes, bytes)).toBe(0);
  });
});

describe("what the sentinel says of receipts", () => {
  test("is its last key, and is read back", async () => {
    const { facts } = await writeReceipts(PARTS, PLAIN_CIPHER);
    const document = withReceipts({ LSN: 1, IsPermanent: false }, facts);
    expect(encodeSentinel(document)).toBe(
      `{"LSN":1,"IsPermanent":false,"TidemarkReceipts":{"Size":${facts.sizeBytes},` +
        `"SHA256":"${facts.sha256}","RootSHA256":"${facts.rootSha256}","Version":1}}`,
    );
    expect(receiptsFacts({ name: BACKUP, database: "postgres", document })).toEqual(facts);
  });

  test("is absent in WAL-G's", () => {
    const sentinel = { name: BACKUP, database: "postgres", document: { LSN: 1 } } as const;
    expect(receiptsFacts(sentinel)).toBeUndefined();
  });

  test.each([
    { Size: 1 },
    { Size: 1, SHA256: "x", RootSHA256: "00".repeat(32), Version: 1 },
    { Size: -1, SHA256: "00".repeat(32), RootSHA256: "00".repeat(32), Version: 1 },
    { Size: 1, SHA256: "00".repeat(32), RootSHA256: "00".repeat(32) },
    7,
  ])("is refused when it is %j", (value) => {
    const document = { TidemarkReceipts: value };
    expect(() => receiptsFacts({ name: BACKUP, database: "postgres", document })).toThrow(
      CorruptObjectError,
    );
  });
});

describe("G54 a later format", () => {
  test("is refused with an explanation by its footer", async () => {
    const bytes = readFileSync("test/golden/receipts/later-version.bin");
    const opening = openBytes(bytes, undefined, PLAIN_CIPHER);
    await expect(opening).rejects.toThrow(UnsupportedFormatError);
    await expect(opening).rejects.toThrow("written in format version 2");
    await expect(
      openBytes(flipped(bytes, bytes.byteLength - 30), undefined, PLAIN_CIPHER),
    ).rejects.toThrow(CorruptObjectError);
  });

  test("is refused by what the sentinel says, before a byte is read", async () => {
    const { bytes, facts } = await writeReceipts(PARTS, PLAIN_CIPHER);
    const opening = openBytes(bytes, { ...facts, version: 2 }, PLAIN_CIPHER);
    await expect(opening).rejects.toMatchObject({
      code: "unsupported-format",
      hint: expect.stringContaining("newer tidemark"),
    });
  });
});
