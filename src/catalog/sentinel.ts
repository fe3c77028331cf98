import type { DatabaseKind } from "../base/database-kind.ts";
import { decodeUtf8, type JsonObject, parseJsonObject, printJson } from "../base/json.ts";
import { JsonDocument } from "../base/json-document.ts";
import type { BackupName } from "./backup-name.ts";
import { toBackupName } from "./backup-name.ts";

/**
 * The JSON object whose presence means that a backup is complete: WAL-G's document of that
 * database (64-bit numbers as bigint). Fields that we do not know are kept as read.
 */
export interface Sentinel {
  readonly name: BackupName;
  readonly database: DatabaseKind;
  readonly document: Readonly<Record<string, unknown>>;
}

/** A sentinel holds a few facts; only release 1 of WAL-G put its list of files inside. */
export const SENTINEL_BYTES_MAX = 1 << 30;

/** Stored bytes → document. Throws `CorruptObjectError` naming the object. */
export function decodeSentinel(
  name: BackupName,
  database: DatabaseKind,
  content: { readonly key: string; readonly bytes: Uint8Array },
): Sentinel {
  const text = decodeUtf8(content.bytes, content.key);
  return { name, database, document: parseJsonObject(text, content.key) };
}

/** Document → stored bytes: one line, keys in the document's order, escaped as Go does. */
export function encodeSentinel(document: Sentinel["document"]): string {
  return printJson(document, { escaping: "go" });
}

/** Strict access to a sentinel's fields; faults name the backup. */
export function sentinelFields(sentinel: Sentinel): JsonDocument {
  return new JsonDocument(`sentinel of ${sentinel.name}`, sentinel.document as JsonObject);
}

/** The backup on which an increment builds. */
export interface IncrementLink {
  readonly parent: BackupName;
  /** Root of the chain. */
  readonly full: BackupName;
  /** Steps since the last full backup, as the writer counted. */
  readonly depth: number;
}

/**
 * undefined: a full backup. The three fields are the same for every database. WAL-G's catchup
 * backups name the empty text as parent: they are the first of their chain too.
 */
export function incrementLink(sentinel: Sentinel): IncrementLink | undefined {
  const fields = sentinelFields(sentinel);
  const parent = fields.text("DeltaFrom");
  if (parent === undefined || parent === "") return undefined;
  return {
    parent: toBackupName(parent),
    full: toBackupName(fields.required("DeltaFullName", fields.text("DeltaFullName"))),
    depth: fields.required("DeltaCount", fields.count("DeltaCount")),
  };
}
