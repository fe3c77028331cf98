import { GO_ZERO_TIME, type GoTime, parseGoTime } from "../base/go-time.ts";
import { decodeUtf8, type JsonValue } from "../base/json.ts";
import { JsonDocument } from "../base/json-document.ts";
import { type Lsn, toLsn } from "../delta/lsn.ts";

/**
 * `metadata.json` of a PostgreSQL backup: the short facts that listings show. `isPermanent` here
 * is the one that counts; backup-mark rewrites this object and not the sentinel.
 */
export interface BackupMetadata {
  readonly startTime: GoTime | undefined;
  readonly finishTime: GoTime | undefined;
  readonly dateFormat: string;
  readonly hostname: string;
  readonly dataDir: string;
  /** `server_version_num`: 160003. */
  readonly pgVersion: number;
  readonly startLsn: Lsn;
  readonly finishLsn: Lsn;
  readonly isPermanent: boolean;
  readonly systemIdentifier: bigint | undefined;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  readonly userData: JsonValue | undefined;
}

/** Stored bytes → metadata. As in Go an absent field is zero; one of a wrong type is a fault. */
export function decodeBackupMetadata(key: string, bytes: Uint8Array): BackupMetadata {
  const fields = JsonDocument.parse(key, decodeUtf8(bytes, key));
  return {
    startTime: timeField(fields, "start_time"),
    finishTime: timeField(fields, "finish_time"),
    dateFormat: fields.text("date_fmt") ?? "",
    hostname: fields.text("hostname") ?? "",
    dataDir: fields.text("data_dir") ?? "",
    pgVersion: fields.count("pg_version") ?? 0,
    startLsn: toLsn(fields.unsigned("start_lsn") ?? 0n),
    finishLsn: toLsn(fields.unsigned("finish_lsn") ?? 0n),
    isPermanent: fields.flag("is_permanent"),
    systemIdentifier: fields.unsigned("system_identifier"),
    uncompressedBytes: fields.count("uncompressed_size") ?? 0,
    compressedBytes: fields.count("compressed_size") ?? 0,
    userData: fields.value("user_data"),
  };
}

/** A time in RFC 3339; Go's zero time counts as absent. */
export function timeField(fields: JsonDocument, key: string): GoTime | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  const time = parseGoTime(text);
  if (time === undefined) throw fields.fault(key, `is not a time: ${JSON.stringify(text)}`);
  return time.ns === GO_ZERO_TIME.ns ? undefined : time;
}
