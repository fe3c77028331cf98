import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { toBackupName } from "../../src/catalog/backup-name.ts";
import type { DocumentReceipt, ReceiptsFacts } from "../../src/catalog/receipts-format.ts";
import { openReceipts, type ReceiptsReader } from "../../src/catalog/receipts-reader.ts";
import { ReceiptsWriter } from "../../src/catalog/receipts-writer.ts";
import { partsPrefix, receiptsKey } from "../../src/catalog/storage-layout.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import type { PartReceipt } from "../../src/transfer/stored-part.ts";

export const BACKUP = toBackupName("base_000000010000000000000002");
export const NEVER = new AbortController().signal;

export const DOCUMENTS: readonly DocumentReceipt[] = [
  { name: "metadata.json", sizeBytes: 411, sha256: "cd".repeat(32) },
  { name: "files_metadata.json", sizeBytes: 70_000, sha256: "ef".repeat(32) },
];

/** Two parts with every kind of entry. */
export function samplePart(number: number): PartReceipt {
  return {
    object: {
      key: `${partsPrefix(BACKUP)}part_${String(number).padStart(3, "0")}.tar.zst`,
      plainBytes: 2 ** 33 + number,
      storedBytes: 70_000 + number,
      storedSha256: String(number % 10).repeat(64),
      codec: "zstd",
      cipherKeyId: "a1b2c3",
    },
    entries: [
      entry("/", "directory", 0, undefined, []),
      entry("/base/5/16390", "whole", 24_576, [1n, 0xffff_ffff_ffff_ffffn, BigInt(number)], [2]),
      entry("/base/5/16391", "increment", 8_208, [77n], []),
      entry("/base/5/16392", "whole", 0, [], []),
      entry("/päth", "link", 0, undefined, []),
      entry("/postgresql.conf", "whole", 29_000, undefined, []),
    ],
  };
}

function entry(
  path: string,
  kind: PartReceipt["entries"][number]["kind"],
  sizeBytes: number,
  hashes: readonly bigint[] | undefined,
  corruptBlocks: readonly number[],
): PartReceipt["entries"][number] {
  return {
    path,
    kind,
    sizeBytes,
    xxHash3: BigInt(sizeBytes) * 0x9e37_79b9n,
    offset: 2 ** 33 + 512,
    pageHashes: hashes === undefined ? undefined : BigUint64Array.from(hashes),
    corruptBlocks,
  };
}

/** Receipts of `parts` as bytes, with what the sentinel will say of them. */
export async function writeReceipts(
  parts: readonly PartReceipt[],
  cipher: Cipher,
): Promise<{ readonly bytes: Uint8Array; readonly facts: ReceiptsFacts }> {
  const writer = new ReceiptsWriter({ cipher });
  const stored = collect(writer.source.open(NEVER), Number.MAX_SAFE_INTEGER);
  for (const part of parts) await writer.append(part);
  for (const document of DOCUMENTS) writer.addDocument(document);
  await writer.finish();
  return { bytes: await stored, facts: writer.facts() };
}

/** Puts the bytes into a storage and opens them. */
export async function openBytes(
  bytes: Uint8Array,
  facts: ReceiptsFacts | undefined,
  cipher: Cipher,
): Promise<ReceiptsReader | undefined> {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  await driver.put(receiptsKey(BACKUP), bytesSource(bytes), { ifAbsent: false, signal: NEVER });
  return await openReceipts({ driver, cipher, backup: BACKUP, facts, signal: NEVER });
}

/** Every section and document, so that no byte of the object stays unread. */
export async function readAll(reader: ReceiptsReader): Promise<readonly PartReceipt[]> {
  const parts: PartReceipt[] = [];
  for (const { key } of reader.sections) {
    const part = await reader.part(key, NEVER);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}
