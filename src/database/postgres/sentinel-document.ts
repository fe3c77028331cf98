import { formatGoTime, GO_ZERO_TIME, type GoTime, parseGoTime } from "../../base/go-time.ts";
import { type JsonObject, type JsonValue, sortKeys } from "../../base/json.ts";
import { JsonDocument } from "../../base/json-document.ts";
import type { BackupName } from "../../catalog/backup-name.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import { type Lsn, toLsn } from "../../delta/lsn.ts";
import {
  decodeTablespaceSpec,
  encodeTablespaceSpec,
  type TablespaceSpec,
} from "./tablespace-spec.ts";

/** What the sentinel of a PostgreSQL backup says, whichever release of WAL-G wrote it. */
export interface PostgresSentinel {
  /** undefined only in the oldest WAL-E backups. */
  readonly startLsn: Lsn | undefined;
  readonly finishLsn: Lsn | undefined;
  /** undefined: a full backup (or a catchup backup, which names no parent). */
  readonly increment: PostgresIncrement | undefined;
  /** `server_version_num`: 160003. */
  readonly pgVersion: number;
  /** 64 bits, past 2^53. */
  readonly systemIdentifier: bigint | undefined;
  readonly uncompressedBytes: number;
  readonly compressedBytes: number;
  /** Sum of lstat sizes over the walk; 0 when unknown (remote backups). */
  readonly dataCatalogBytes: number;
  /** undefined: no tablespaces. Remote backups write an empty list. */
  readonly tablespaces: TablespaceSpec | undefined;
  readonly userData: JsonValue | undefined;
  readonly filesMetadataDisabled: boolean;
  /** OrioleDB's checkpoint numbers. */
  readonly checkpointNumber: bigint | undefined;
  readonly parentCheckpointNumber: bigint | undefined;
  /** 0 in documents of release 1, which lack it and everything below. */
  readonly version: number;
  readonly startTime: GoTime | undefined;
  readonly finishTime: GoTime | undefined;
  readonly hostname: string;
  readonly dataDir: string;
  /** As it was at the time of the backup; `metadata.json` has what counts now. */
  readonly isPermanent: boolean;
  /** undefined where WAL-G wrote the backup. */
  readonly pageGuard: PageGuard | undefined;
}

/**
 * What the server did about changes of pages that it need not log: with page checksums, or with
 * `wal_log_hints`, each has an LSN; with neither, some have none.
 */
export type PageGuard = "checksums" | "hints" | "none";

const PAGE_GUARDS: readonly string[] = ["checksums", "hints", "none"] satisfies PageGuard[];

export interface PostgresIncrement {
  readonly parent: BackupName;
  /** Root of the chain. */
  readonly full: BackupName;
  /** Steps since the last full backup. */
  readonly depth: number;
  /** Start LSN of the parent: pages from it on are in the increment. */
  readonly sinceLsn: Lsn;
  /** How the changed pages were found; undefined where WAL-G wrote the backup. */
  readonly finder: string | undefined;
}

/** Keys of ours; WAL-G's readers ignore them. */
const FINDER_KEY = "TidemarkFinder";
const GUARD_KEY = "TidemarkPageGuard";

/** A constant that WAL-G writes beside its times; it says nothing of the digits. */
export const DATE_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ";
const DOCUMENT_VERSION = 2;

/** Strict on types and on what an increment needs; whatever else is absent is unknown. */
export function decodePostgresSentinel(sentinel: Sentinel): PostgresSentinel {
  const fields = fieldsOf(sentinel);
  const spec = fields.nested("Spec");
  return {
    startLsn: lsnField(fields, "LSN"),
    finishLsn: lsnField(fields, "FinishLSN"),
    increment: decodeIncrement(fields),
    pgVersion: fields.count("PgVersion") ?? 0,
    systemIdentifier: fields.unsigned("SystemIdentifier"),
    uncompressedBytes: fields.count("UncompressedSize") ?? 0,
    compressedBytes: fields.count("CompressedSize") ?? 0,
    dataCatalogBytes: fields.count("DataCatalogSize") ?? 0,
    tablespaces: spec === undefined ? undefined : decodeTablespaceSpec(spec),
    userData: fields.value("UserData"),
    filesMetadataDisabled: fields.flag("FilesMetadataDisabled"),
    checkpointNumber: fields.unsigned("ChkpNum"),
    parentCheckpointNumber: fields.unsigned("DeltaChkpNum"),
    version: fields.count("Version") ?? 0,
    startTime: timeField(fields, "StartTime"),
    finishTime: timeField(fields, "FinishTime"),
    hostname: fields.text("Hostname") ?? "",
    dataDir: fields.text("DataDir") ?? "",
    isPermanent: fields.flag("IsPermanent"),
    pageGuard: pageGuardField(fields),
  };
}

/**
 * The document as WAL-G's release 3 writes it, keys in its order. Times are in UTC; what is
 * optional is left out exactly where WAL-G leaves it out.
 */
export function encodePostgresSentinel(
  facts: Omit<PostgresSentinel, "version">,
): Readonly<Record<string, unknown>> {
  const { increment, tablespaces, userData } = facts;
  return {
    LSN: facts.startLsn ?? null,
    DeltaLSN: increment?.sinceLsn,
    DeltaFrom: increment?.parent,
    DeltaFullName: increment?.full,
    DeltaCount: increment?.depth,
    PgVersion: facts.pgVersion,
    FinishLSN: facts.finishLsn ?? null,
    SystemIdentifier: facts.systemIdentifier,
    UncompressedSize: facts.uncompressedBytes,
    CompressedSize: facts.compressedBytes,
    DataCatalogSize: facts.dataCatalogBytes === 0 ? undefined : facts.dataCatalogBytes,
    Spec: tablespaces === undefined ? undefined : encodeTablespaceSpec(tablespaces),
    UserData: userData === undefined || userData === null ? undefined : sortKeys(userData),
    FilesMetadataDisabled: facts.filesMetadataDisabled ? true : undefined,
    ChkpNum: facts.checkpointNumber ?? null,
    DeltaChkpNum: facts.parentCheckpointNumber,
    Version: DOCUMENT_VERSION,
    StartTime: formatGoTime(facts.startTime ?? GO_ZERO_TIME),
    FinishTime: formatGoTime(facts.finishTime ?? GO_ZERO_TIME),
    DateFmt: DATE_FORMAT,
    Hostname: facts.hostname,
    DataDir: facts.dataDir,
    IsPermanent: facts.isPermanent,
    [FINDER_KEY]: increment?.finder,
    [GUARD_KEY]: facts.pageGuard,
  };
}

/** From where on a catchup holds changes; undefined: the backup is none, or says nothing. */
export function catchupSince(sentinel: Sentinel): Lsn | undefined {
  const fields = fieldsOf(sentinel);
  return fields.text("DeltaFrom") === "" ? lsnField(fields, "DeltaLSN") : undefined;
}

/** Release 1 of WAL-G put what is now `files_metadata.json` into the sentinel. */
export function inlineFilesMetadata(sentinel: Sentinel): JsonObject | undefined {
  const fields = fieldsOf(sentinel);
  const files = fields.nested("Files")?.object;
  if (files === undefined) return undefined;
  const parts = fields.nested("TarFileSets")?.object;
  return parts === undefined ? { Files: files } : { Files: files, TarFileSets: parts };
}

function decodeIncrement(fields: JsonDocument): PostgresIncrement | undefined {
  const parent = fields.text("DeltaFrom");
  // Catchup backups name the empty text.
  if (parent === undefined || parent === "") return undefined;
  const since = lsnField(fields, "DeltaLSN") ?? lsnField(fields, "DeltaFromLSN");
  return {
    parent: parent as BackupName,
    full: fields.required("DeltaFullName", fields.text("DeltaFullName")) as BackupName,
    depth: fields.required("DeltaCount", fields.count("DeltaCount")),
    sinceLsn: fields.required("DeltaLSN", since),
    finder: fields.text(FINDER_KEY),
  };
}

function fieldsOf(sentinel: Sentinel): JsonDocument {
  return new JsonDocument(`sentinel of ${sentinel.name}`, sentinel.document as JsonObject);
}

function pageGuardField(fields: JsonDocument): PageGuard | undefined {
  const text = fields.text(GUARD_KEY);
  return PAGE_GUARDS.includes(text ?? "") ? (text as PageGuard) : undefined;
}

function lsnField(fields: JsonDocument, key: string): Lsn | undefined {
  const value = fields.unsigned(key);
  return value === undefined ? undefined : toLsn(value);
}

function timeField(fields: JsonDocument, key: string): GoTime | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  const time = parseGoTime(text);
  if (time === undefined) throw fields.fault(key, `is not a time: ${JSON.stringify(text)}`);
  return time.ns === GO_ZERO_TIME.ns ? undefined : time;
}
