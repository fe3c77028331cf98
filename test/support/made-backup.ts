import { toBackupName } from "../../src/catalog/backup-name.ts";
import { Catalog } from "../../src/catalog/catalog.ts";
import { withReceipts } from "../../src/catalog/receipts-reader.ts";
import { ReceiptsWriter } from "../../src/catalog/receipts-writer.ts";
import type { Sentinel } from "../../src/catalog/sentinel.ts";
import { backupObjectKey, receiptsKey } from "../../src/catalog/storage-layout.ts";
import { relationFileOf } from "../../src/delta/relation-file.ts";
import { bytesSource, concatBytes } from "../../src/stream/byte-stream.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../src/stream/content-hash.ts";
import {
  encodeTarHeader,
  TAR_END_BYTES,
  type TarKind,
  tarPaddingBytes,
} from "../../src/tar/header.ts";
import { writeDocument, writeObject } from "../../src/transfer/object-writer.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import type { PartEntry } from "../../src/transfer/stored-part.ts";
import { NEVER } from "./receipts.ts";

/** One entry of a tar. */
export interface MadeEntry {
  readonly name: string;
  readonly content?: Uint8Array | string;
  readonly kind?: TarKind;
  readonly mode?: number;
  readonly linkName?: string;
  readonly isIncrement?: boolean;
}

/** A tar as bytes, and what the receipts would say of it. */
export function makeTar(
  made: readonly MadeEntry[],
  options: { readonly hasEnd?: boolean } = {},
): { readonly bytes: Uint8Array; readonly entries: readonly PartEntry[] } {
  const pieces: Uint8Array[] = [];
  const entries: PartEntry[] = [];
  let offset = 0;
  const add = (bytes: Uint8Array) => {
    pieces.push(bytes);
    offset += bytes.byteLength;
  };
  for (const { name, content = "", kind = "file", mode = 0o600, linkName = "", ...rest } of made) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const sizeBytes = bytes.byteLength;
    const facts = { uid: 0, gid: 0, userName: "", groupName: "", modifiedAtSeconds: 0 };
    add(encodeTarHeader({ name, kind, sizeBytes, mode, linkName, ...facts }));
    const isFile = kind === "file";
    const isPaged = isFile && relationFileOf(name.slice(1)) !== undefined;
    const hasher = new ContentHasher(isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES, sizeBytes);
    hasher.update(bytes);
    const { hash, leaves } = hasher.digest();
    const fileKind = rest.isIncrement === true ? "increment" : "whole";
    entries.push({
      path: name,
      kind: isFile ? fileKind : kind === "directory" ? "directory" : "link",
      sizeBytes,
      xxHash3: isFile ? hash : 0n,
      offset,
      // Of an increment they would be those of its pages; nothing here reads them.
      pageHashes: isPaged ? leaves : undefined,
      corruptBlocks: [],
      mode,
      linkTarget: kind === "symlink" ? linkName : undefined,
    });
    add(bytes);
    add(new Uint8Array(tarPaddingBytes(sizeBytes)));
  }
  if (options.hasEnd !== false) add(new Uint8Array(TAR_END_BYTES));
  return { bytes: concatBytes(pieces), entries };
}

export const LABEL_TEXT =
  "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n" +
  "CHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: streamed\n";
const START_LSN = 0x2000028;

/** The entries that every restorable backup has beside its data. */
export const LABEL_ENTRIES: readonly MadeEntry[] = [
  { name: "backup_label", content: LABEL_TEXT },
  { name: "tablespace_map" },
];
export const CONTROL_ENTRIES: readonly MadeEntry[] = [
  { name: "/global/pg_control", content: "control" },
];
export const DATA_ENTRIES: readonly MadeEntry[] = [
  { name: "/", kind: "directory", mode: 0o700 },
  { name: "/PG_VERSION", content: "12\n" },
  { name: "/base", kind: "directory", mode: 0o700 },
  { name: "/base/1", kind: "directory", mode: 0o700 },
  { name: "/base/1/112", content: new Uint8Array(16_384).fill(7) },
  { name: "/global", kind: "directory", mode: 0o700 },
  { name: "/pg_wal", kind: "directory", mode: 0o700 },
  { name: "/postgresql.auto.conf", content: "work_mem = '1MB'\n" },
];

export interface MadeBackup {
  readonly name?: string;
  /** By name of the part without `.tar`; default: a whole backup in three parts. */
  readonly parts?: Readonly<Record<string, readonly MadeEntry[]>>;
  /** What the receipts say of a part instead of what it holds. */
  readonly receiptEntries?: Readonly<Record<string, readonly MadeEntry[]>>;
  /** More keys of the sentinel. */
  readonly sentinel?: Sentinel["document"];
  /** false: as WAL-G writes it. */
  readonly hasReceipts?: boolean;
  /** `files_metadata.json`; undefined: none. */
  readonly filesMetadata?: string;
  /** Tars without their closing blocks, as WAL-G's remote backups. */
  readonly hasTarEnds?: boolean;
}

export const MADE_PARTS: Readonly<Record<string, readonly MadeEntry[]>> = {
  part_001: DATA_ENTRIES,
  backup_label: LABEL_ENTRIES,
  pg_control: CONTROL_ENTRIES,
};

/**
 * Stores a backup of made-up files, of a server old enough that its control file is not checked.
 * Its name is returned.
 */
export async function storeBackup(repository: Repository, made: MadeBackup = {}) {
  const name = toBackupName(made.name ?? "base_000000010000000000000002");
  const receipts = new ReceiptsWriter({ cipher: repository.cipher });
  const options = { ifAbsent: false, signal: NEVER };
  const stored =
    made.hasReceipts === false
      ? Promise.resolve()
      : repository.driver.put(receiptsKey(name), receipts.source, options);
  const suffix = repository.codec.extension === "" ? "" : `.${repository.codec.extension}`;
  for (const [part, entriesOfPart] of Object.entries(made.parts ?? MADE_PARTS)) {
    const { bytes, entries } = makeTar(entriesOfPart, { hasEnd: made.hasTarEnds ?? true });
    const key = backupObjectKey(name, `tar_partitions/${part}.tar${suffix}`);
    const object = await writeObject(repository, { key, source: bytesSource(bytes), ...options });
    const other = made.receiptEntries?.[part];
    const said = other === undefined ? entries : makeTar(other).entries;
    if (made.hasReceipts !== false) await receipts.append({ object, entries: said });
  }
  if (made.filesMetadata !== undefined) {
    const key = backupObjectKey(name, "files_metadata.json");
    const source = bytesSource(made.filesMetadata);
    const document = await writeDocument(repository.driver, { key, source, ...options });
    const { storedBytes: sizeBytes, storedSha256: sha256 } = document;
    receipts.addDocument({ name: "files_metadata.json", sizeBytes, sha256 });
  }
  let document: Sentinel["document"] = {
    LSN: START_LSN,
    FinishLSN: START_LSN + 0x100,
    PgVersion: 120_000,
    Version: 2,
    StartTime: "2026-01-01T10:00:00Z",
    FinishTime: "2026-01-01T10:01:00Z",
    UncompressedSize: 20_000,
    ...made.sentinel,
  };
  if (made.hasReceipts !== false) {
    await receipts.finish();
    await stored;
    document = withReceipts(document, receipts.facts());
  }
  const catalog = new Catalog({ repository, database: "postgres" });
  await catalog.commit({ name, database: "postgres", document }, NEVER);
  return name;
}
