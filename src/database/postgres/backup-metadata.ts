import { formatGoTime, GO_ZERO_TIME } from "../../base/go-time.ts";
import { printJson, sortKeys } from "../../base/json.ts";
import type { BackupMetadata } from "../../catalog/backup-metadata.ts";
import { DATE_FORMAT } from "./sentinel-document.ts";

/** `metadata.json` as WAL-G writes it: one line, keys in its order, escaped as Go does. */
export function encodeBackupMetadata(metadata: Omit<BackupMetadata, "dateFormat">): string {
  const { userData } = metadata;
  const document = {
    start_time: formatGoTime(metadata.startTime ?? GO_ZERO_TIME),
    finish_time: formatGoTime(metadata.finishTime ?? GO_ZERO_TIME),
    date_fmt: DATE_FORMAT,
    hostname: metadata.hostname,
    data_dir: metadata.dataDir,
    pg_version: metadata.pgVersion,
    start_lsn: metadata.startLsn,
    finish_lsn: metadata.finishLsn,
    is_permanent: metadata.isPermanent,
    system_identifier: metadata.systemIdentifier ?? null,
    uncompressed_size: metadata.uncompressedBytes,
    compressed_size: metadata.compressedBytes,
    user_data: userData === undefined || userData === null ? undefined : sortKeys(userData),
  };
  return printJson(document, { escaping: "go" });
}
