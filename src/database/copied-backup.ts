import { CorruptObjectError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { type ReceiptsReader, receiptsFacts } from "../catalog/receipts-reader.ts";
import { type Sentinel, sentinelFields } from "../catalog/sentinel.ts";
import {
  backupPrefix,
  claimKey,
  FILES_METADATA_NAME,
  METADATA_NAME,
  partsPrefix,
  RECEIPTS_NAME,
  sentinelKey,
} from "../catalog/storage-layout.ts";
import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import { type CopiedObject, CopyConflictError, isSameObject } from "../transfer/object-copy.ts";
import { pairedListing } from "../transfer/paired-listing.ts";
import type { Repository } from "../transfer/repository.ts";

/** An object of the backup, and how to learn what was recorded when it was stored. */
export interface BackupObject extends Omit<CopiedObject, "recorded"> {
  recorded(signal: AbortSignal): Promise<CopiedObject["recorded"]>;
}

/** Everything of one backup, in the order in which it is written. */
export interface BackupObjects {
  readonly parts: readonly BackupObject[];
  /** Metadata, then the receipts. */
  readonly documents: readonly BackupObject[];
  readonly sentinel: BackupObject;
  /** What only the target has below the name: the rest of a backup that died. */
  readonly strangers: readonly ObjectKey[];
  readonly sizeBytes: number;
}

export interface BackupPlace {
  readonly source: Repository;
  readonly target: Repository;
  /** Of the source. */
  readonly catalog: Catalog;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * What a backup consists of and what of it the target has. Throws `CorruptObjectError` when the
 * source is not whole: each object must be there with the size that the receipts say, or, without
 * receipts, all parts together with at least the size that the sentinel says.
 */
export async function lookAtBackup(place: BackupPlace, name: BackupName): Promise<BackupObjects> {
  const { source, target, catalog, signal } = place;
  const sentinel = await catalog.read(name, signal);
  const receipts = await receiptsOf(place, sentinel);
  // Read, so that one that is cut short is noticed.
  await catalog.metadata(name, signal);
  const parts: BackupObject[] = [];
  const documents: BackupObject[] = [];
  const strangers: ObjectKey[] = [];
  const missing = recordedSizes(sentinel, receipts);
  const prefix = backupPrefix(name);
  const listing = pairedListing(source.driver, target.driver, { prefix, signal });
  for await (const { source: object, target: there } of listing) {
    if (object === undefined) {
      if (there !== undefined) strangers.push(there.key);
      continue;
    }
    if (object.key === claimKey(name)) continue;
    const recorded = recordedOf(sentinel, receipts, object);
    const isPart = object.key.startsWith(partsPrefix(name));
    if (isPart && receipts !== undefined && !missing.has(object.key)) {
      place.log.warning(`${object.key} is no part of the backup: left out`);
      continue;
    }
    const { key, sizeBytes } = object;
    const recordedBytes = missing.get(key) ?? sizeBytes;
    if (sizeBytes !== recordedBytes) {
      throw new CorruptObjectError(key, `has ${sizeBytes} bytes, ${recordedBytes} were recorded`);
    }
    missing.delete(key);
    (isPart ? parts : documents).push({ source: object, target: there, recorded });
  }
  for (const key of missing.keys()) throw new CorruptObjectError(key, "is missing");
  if (receipts === undefined) proveSize(sentinel, parts);
  documents.sort((a, b) => rankOf(a.source, prefix) - rankOf(b.source, prefix));
  const commit = await sentinelObject(place, name);
  const all = [...parts, ...documents, commit];
  const sizeBytes = all.reduce((sum, object) => sum + object.source.sizeBytes, 0);
  return { parts, documents, sentinel: commit, strangers, sizeBytes };
}

/** Refuses what could only be copied by replacing something, before anything is written. */
export async function refuseConflicts(
  { source, target, signal }: BackupPlace,
  name: BackupName,
  objects: BackupObjects,
): Promise<void> {
  const to = target.driver.name;
  const { parts, documents, sentinel, strangers } = objects;
  const [stranger] = strangers;
  if (stranger !== undefined) {
    const detail =
      stranger === claimKey(name)
        ? "a backup of this name is being taken there, or was interrupted"
        : "is no part of the backup in the source";
    throw new CopyConflictError(stranger, { to, detail });
  }
  for (const object of [...parts, ...documents, sentinel]) {
    const sizeBytes = object.target?.sizeBytes ?? object.source.sizeBytes;
    if (sizeBytes === object.source.sizeBytes) continue;
    const detail = `has ${sizeBytes} bytes, in the source it has ${object.source.sizeBytes}`;
    throw new CopyConflictError(object.source.key, { to, detail });
  }
  if (sentinel.target === undefined) return;
  const { key } = sentinel.source;
  if (await isSameObject(source.driver, target.driver, { key, signal })) return;
  throw new CopyConflictError(key, { to, detail: "is of another backup" });
}

/** Proves, before the sentinel, that the target has all of the backup and nothing else. */
export async function proveCopied(
  target: StorageDriver,
  name: BackupName,
  options: { readonly objects: BackupObjects; readonly signal: AbortSignal },
): Promise<void> {
  const { parts, documents } = options.objects;
  const wanted = new Map<string, number>();
  for (const { source } of [...parts, ...documents]) wanted.set(source.key, source.sizeBytes);
  for await (const { key, sizeBytes } of target.list(backupPrefix(name), options)) {
    const expected = wanted.get(key);
    if (expected !== sizeBytes) {
      const fact = expected === undefined ? "appeared meanwhile" : `has ${sizeBytes} bytes`;
      throw new CorruptObjectError(`${target.name}/${key}`, fact, {
        hint: "Does something else write there, or delete garbage?",
      });
    }
    wanted.delete(key);
  }
  for (const key of wanted.keys()) {
    throw new CorruptObjectError(`${target.name}/${key}`, "is gone", {
      hint: "Did somebody delete garbage meanwhile? The same call copies it again.",
    });
  }
}

async function receiptsOf(
  { source, catalog, log, signal }: BackupPlace,
  sentinel: Sentinel,
): Promise<ReceiptsReader | undefined> {
  if (source.cipher.canDecrypt) return await catalog.receipts(sentinel, source.cipher, signal);
  if (receiptsFacts(sentinel) !== undefined) {
    log.warning(
      `the settings of the source hold no key to read with: ${sentinel.name} is copied without ` +
        "comparing it with its receipts",
    );
  }
  return undefined;
}

/** Size by key of all that must be there. */
function recordedSizes(
  sentinel: Sentinel,
  receipts: ReceiptsReader | undefined,
): Map<string, number> {
  const prefix = backupPrefix(sentinel.name);
  const sizes = new Map<string, number>();
  for (const { key, partStoredBytes } of receipts?.sections ?? []) sizes.set(key, partStoredBytes);
  for (const { name, sizeBytes } of receipts?.documents ?? []) sizes.set(prefix + name, sizeBytes);
  const facts = receiptsFacts(sentinel);
  if (facts !== undefined) sizes.set(prefix + RECEIPTS_NAME, facts.sizeBytes);
  return sizes;
}

/** Sections are read when needed and dropped: memory does not grow with the backup. */
function recordedOf(
  sentinel: Sentinel,
  receipts: ReceiptsReader | undefined,
  object: ObjectInfo,
): BackupObject["recorded"] {
  const relative = object.key.slice(backupPrefix(sentinel.name).length);
  return async (signal) => {
    const document =
      relative === RECEIPTS_NAME ? receiptsFacts(sentinel) : receipts?.document(relative);
    if (document !== undefined) {
      return { storedBytes: document.sizeBytes, storedSha256: document.sha256 };
    }
    return (await receipts?.part(object.key, signal))?.object;
  };
}

/**
 * WAL-G counts what it stores, but for the last parts of some backups: fewer bytes than it says
 * are damage.
 */
function proveSize(sentinel: Sentinel, parts: readonly BackupObject[]): void {
  const leastBytes = sentinelFields(sentinel).count("CompressedSize") ?? 0;
  const storedBytes = parts.reduce((sum, { source }) => sum + source.sizeBytes, 0);
  if (parts.length > 0 && storedBytes >= leastBytes) return;
  throw new CorruptObjectError(
    backupPrefix(sentinel.name),
    `its parts have ${storedBytes} bytes, the sentinel says ${leastBytes}`,
  );
}

const DOCUMENT_ORDER = [METADATA_NAME, FILES_METADATA_NAME, RECEIPTS_NAME];

function rankOf({ key }: ObjectInfo, prefix: string): number {
  return DOCUMENT_ORDER.indexOf(key.slice(prefix.length));
}

async function sentinelObject(place: BackupPlace, name: BackupName): Promise<BackupObject> {
  const { source, target, signal } = place;
  const key = sentinelKey(name);
  return {
    source: await source.driver.stat(key, signal),
    target: await statOrAbsent(target.driver, key, signal),
    recorded: async () => undefined,
  };
}

/** undefined: there is no such object. */
export async function statOrAbsent(
  driver: StorageDriver,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<ObjectInfo | undefined> {
  try {
    return await driver.stat(key, signal);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
