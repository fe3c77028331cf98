import { type ObjectKey, toObjectKey } from "../storage/object-key.ts";
import { type BackupName, toBackupName } from "./backup-name.ts";

/**
 * Every object key is made here; `docs/storage-layout.md` describes them.
 *
 *   basebackups_005/<name>_backup_stop_sentinel.json   the backup is complete
 *   basebackups_005/<name>/metadata.json               short facts, and whether it is permanent
 *   basebackups_005/<name>/files_metadata.json         what each file is (PostgreSQL)
 *   basebackups_005/<name>/receipts.bin                ours: sizes and hashes
 *   basebackups_005/<name>/claim.json                  ours: while the backup is being taken
 *   basebackups_005/<name>/tar_partitions/…            the parts
 *   catchup_005/…                                      increments for standbys, laid out alike
 *   wal_005/<file>[.<extension>]                       archived WAL
 */
export const BACKUPS_FOLDER = "basebackups_005";
/** Of catchup-push; seen through a view in which it stands for the folder of backups. */
export const CATCHUP_FOLDER = "catchup_005";
export const WAL_FOLDER = "wal_005";

export const SENTINEL_SUFFIX = "_backup_stop_sentinel.json";
export const METADATA_NAME = "metadata.json";
export const FILES_METADATA_NAME = "files_metadata.json";
export const RECEIPTS_NAME = "receipts.bin";
export const CLAIM_NAME = "claim.json";
/** Everything directly inside is taken for a tar by every reader: nothing else may lie there. */
export const PARTS_FOLDER = "tar_partitions";

/** The commit marker of a backup. */
export function sentinelKey(name: BackupName): ObjectKey {
  return toObjectKey(`${BACKUPS_FOLDER}/${name}${SENTINEL_SUFFIX}`);
}

/** undefined: not the key of a sentinel directly inside the backups' folder. */
export function backupOfSentinel(key: string): BackupName | undefined {
  const prefix = `${BACKUPS_FOLDER}/`;
  if (!key.startsWith(prefix) || !key.endsWith(SENTINEL_SUFFIX)) return undefined;
  const name = key.slice(prefix.length, -SENTINEL_SUFFIX.length);
  return name === "" || name.includes("/") ? undefined : toBackupName(name);
}

/** With a trailing slash: the string prefix of everything that a backup holds. */
export function backupPrefix(name: BackupName): string {
  return `${BACKUPS_FOLDER}/${name}/`;
}

/** `relative` is below the backup's folder: `tar_partitions/part_001.tar.zst`. */
export function backupObjectKey(name: BackupName, relative: string): ObjectKey {
  return toObjectKey(backupPrefix(name) + relative);
}

/** Folder of the parts, with a trailing slash. */
export function partsPrefix(name: BackupName): string {
  return `${backupPrefix(name)}${PARTS_FOLDER}/`;
}

export function metadataKey(name: BackupName): ObjectKey {
  return backupObjectKey(name, METADATA_NAME);
}

export function receiptsKey(name: BackupName): ObjectKey {
  return backupObjectKey(name, RECEIPTS_NAME);
}

export function claimKey(name: BackupName): ObjectKey {
  return backupObjectKey(name, CLAIM_NAME);
}

/**
 * Key of an archived WAL file without the codec's extension: `wal_005/000000010000000000000002`,
 * `wal_005/00000002.history`. Append the extension, or look under all of them.
 */
export function walBaseKey(fileName: string): ObjectKey {
  return toObjectKey(`${WAL_FOLDER}/${fileName}`);
}

/** Codec extension as part of a name: `.zst`, or nothing for `none`. */
export function suffixOf(extension: string): string {
  return extension === "" ? "" : `.${extension}`;
}
