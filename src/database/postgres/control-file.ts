import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32c } from "../../base/crc32c.ts";
import { errnoOf, FilesystemError, ToolError } from "../../base/errors.ts";
import { type Lsn, toLsn } from "../../delta/lsn.ts";
import { isSegmentSize } from "../../wal/segment-name.ts";

/*
 * global/pg_control, little endian (src/include/catalog/pg_control.h), PostgreSQL 13 to 18:
 *
 *   0  u64  system identifier          136 u64 min recovery point
 *   8  u32  control version            144 u32 its timeline
 *  12  u32  catalog version            152 u64 backup start point
 *  16  u32  state                      160 u64 backup end point
 *  24  i64  time of last update        168 u8  backup end required
 *  32  u64  checkpoint LSN             172 u32 wal_level
 *  40  u64  redo LSN                   216 u32 block size
 *  48  u32  timeline                   220 u32 blocks of a relation segment
 *  52  u32  previous timeline          224 u32 WAL block size
 *  56  u8   full page writes           228 u32 WAL segment size
 *  64  u64  next full transaction id   252 u32 data checksum version
 *  84  u32  oldest transaction id
 * 104  i64  time of the checkpoint     256 32 bytes nonce, then u32 CRC-32C of all before
 *
 * 18 has one more byte (signedness of char) before the nonce, which moves the CRC to 292.
 */

const CRC_OFFSETS: ReadonlyMap<number, number> = new Map([
  [1300, 288],
  [1700, 288],
  [1800, 292],
]);

/** Order of `DBState` in the server's header. */
const STATES = [
  "starting up",
  "shut down",
  "shut down in recovery",
  "shutting down",
  "in crash recovery",
  "in archive recovery",
  "in production",
] as const;

export type ClusterState = (typeof STATES)[number];

/** The parts of `pg_control` that decide what a cluster is and where its WAL stands. */
export interface ControlFile {
  readonly systemIdentifier: bigint;
  /** `PG_CONTROL_VERSION`: 1300 for 13 to 16, 1700, 1800. */
  readonly controlVersion: number;
  readonly catalogVersion: number;
  readonly state: ClusterState;
  readonly checkpointLsn: Lsn;
  readonly redoLsn: Lsn;
  readonly timeline: number;
  readonly previousTimeline: number;
  /** Of rows that are not frozen: `pg_xact` knows nothing older. */
  readonly oldestTransaction: number;
  /** Seconds since 1970. */
  readonly checkpointTime: bigint;
  /** Up to where recovery must go before the data is consistent; 0 outside recovery. */
  readonly minRecoveryLsn: Lsn;
  readonly minRecoveryTimeline: number;
  readonly backupStartLsn: Lsn;
  readonly backupEndLsn: Lsn;
  readonly isBackupEndRequired: boolean;
  readonly blockBytes: number;
  readonly blocksPerRelationSegment: number;
  readonly walBlockBytes: number;
  readonly segmentBytes: number;
  /** 0: page checksums are off. */
  readonly dataChecksumVersion: number;
}

/** `pg_control` is unreadable, torn, or of a server that we do not know. */
export class ControlFileError extends ToolError {
  constructor(path: string, detail: string, hint?: string) {
    super({ code: "database", message: `${path}: ${detail}`, hint });
  }
}

/** Reads `global/pg_control` of a data directory. */
export function readControlFile(dataDirectory: string): ControlFile {
  const path = join(dataDirectory, "global", "pg_control");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new FilesystemError(path, `cannot be read (${errnoOf(cause)})`, { cause });
  }
  return parseControlFile(bytes, path);
}

/** The same; undefined when there is no such file, so that is no data directory. */
export function readControlFileIfPresent(dataDirectory: string): ControlFile | undefined {
  try {
    return readControlFile(dataDirectory);
  } catch (error) {
    if (error instanceof FilesystemError && isAbsent(errnoOf(error.cause))) return undefined;
    throw error;
  }
}

/** Bytes of `pg_control` → fields; `path` names it in errors. */
export function parseControlFile(bytes: Uint8Array, path: string): ControlFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 16) {
    throw new ControlFileError(path, `is cut short: ${bytes.byteLength} bytes`);
  }
  const crcOffset = crcOffsetOf(view, path);
  if (bytes.byteLength < crcOffset + 4) {
    throw new ControlFileError(path, `is cut short: ${bytes.byteLength} bytes`);
  }
  const expectedCrc = view.getUint32(crcOffset, true);
  if (crc32c(bytes.subarray(0, crcOffset)) !== expectedCrc) {
    throw new ControlFileError(
      path,
      "checksum does not match its content",
      "The file was read while the server wrote it, or it is damaged.",
    );
  }
  return fieldsOf(view, path);
}

function crcOffsetOf(view: DataView, path: string): number {
  const version = view.getUint32(8, true);
  const offset = CRC_OFFSETS.get(version);
  if (offset !== undefined) return offset;
  // A version is a small number; its bytes in the other order are a multiple of 65536.
  if (version % 65_536 === 0 && version !== 0) {
    throw new ControlFileError(path, "is of a server with the other byte order");
  }
  throw new ControlFileError(
    path,
    `has control version ${version}`,
    "PostgreSQL 13 to 18 are supported.",
  );
}

function fieldsOf(view: DataView, path: string): ControlFile {
  const state = STATES[view.getUint32(16, true)];
  const segmentBytes = view.getUint32(228, true);
  if (state === undefined) throw new ControlFileError(path, "has an unknown cluster state");
  if (!isSegmentSize(segmentBytes)) {
    throw new ControlFileError(path, `has WAL segment size ${segmentBytes}`);
  }
  return {
    systemIdentifier: view.getBigUint64(0, true),
    controlVersion: view.getUint32(8, true),
    catalogVersion: view.getUint32(12, true),
    state,
    checkpointLsn: lsnAt(view, 32),
    redoLsn: lsnAt(view, 40),
    timeline: view.getUint32(48, true),
    previousTimeline: view.getUint32(52, true),
    oldestTransaction: view.getUint32(84, true),
    checkpointTime: view.getBigInt64(104, true),
    minRecoveryLsn: lsnAt(view, 136),
    minRecoveryTimeline: view.getUint32(144, true),
    backupStartLsn: lsnAt(view, 152),
    backupEndLsn: lsnAt(view, 160),
    isBackupEndRequired: view.getUint8(168) !== 0,
    blockBytes: view.getUint32(216, true),
    blocksPerRelationSegment: view.getUint32(220, true),
    walBlockBytes: view.getUint32(224, true),
    segmentBytes,
    dataChecksumVersion: view.getUint32(252, true),
  };
}

function lsnAt(view: DataView, offset: number): Lsn {
  return toLsn(view.getBigUint64(offset, true));
}

function isAbsent(errno: string | undefined): boolean {
  return errno === "ENOENT" || errno === "ENOTDIR";
}
