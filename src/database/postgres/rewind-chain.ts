import { formatLsn, type Lsn, toLsn } from "../../delta/lsn.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import { LONG_HEADER_BYTES, SHORT_HEADER_BYTES } from "../../wal/page-header.ts";
import { RECORD_HEADER_BYTES } from "../../wal/record.ts";

/** Bytes of WAL by place, wherever they lie. */
export interface WalBytes {
  readonly segmentBytes: number;
  readonly pageBytes: number;
  /** Fills `target` from `lsn` on; the range never leaves its page. */
  read(target: Uint8Array, lsn: Lsn): Promise<void>;
}

/** A checkpoint, and from where recovery that starts with it reads WAL. */
export interface FoundCheckpoint {
  readonly lsn: Lsn;
  readonly redoLsn: Lsn;
}

const XLOG_RESOURCE_MANAGER = 0;
const CHECKPOINTS: ReadonlySet<number> = new Set([0x00, 0x10]);
/** Before the main data of a record stand its id (255) and its length. */
const MAIN_DATA_HEADER_BYTES = 2;
const MAIN_DATA_SHORT = 255;

/**
 * The last checkpoint that begins before `forkLsn`, found as pg_rewind finds it: from the record
 * at the fork back over the link that each record has to the one before it.
 * Source: findLastCheckpoint in src/bin/pg_rewind/parsexlog.c.
 */
export async function lastCheckpointBefore(
  forkLsn: Lsn,
  wal: WalBytes,
  signal: AbortSignal,
): Promise<FoundCheckpoint> {
  const bytes = new Uint8Array(RECORD_HEADER_BYTES + MAIN_DATA_HEADER_BYTES + 8);
  const view = new DataView(bytes.buffer);
  let lsn = firstRecordAt(forkLsn, wal);
  for (let count = 0; ; count += 1) {
    if (count % 1024 === 0) signal.throwIfAborted();
    await readOverPages(bytes.subarray(0, RECORD_HEADER_BYTES), lsn, wal);
    const isCheckpoint =
      view.getUint8(17) === XLOG_RESOURCE_MANAGER && CHECKPOINTS.has(view.getUint8(16) & 0xf0);
    if (isCheckpoint && lsn < forkLsn) {
      await readOverPages(bytes, lsn, wal);
      if (view.getUint8(RECORD_HEADER_BYTES) !== MAIN_DATA_SHORT) {
        throw broken(lsn, "is a checkpoint without its data");
      }
      const redo = view.getBigUint64(RECORD_HEADER_BYTES + MAIN_DATA_HEADER_BYTES, true);
      return { lsn, redoLsn: toLsn(redo) };
    }
    if (view.getUint32(0, true) < RECORD_HEADER_BYTES) throw broken(lsn, "is no WAL record");
    const previous = view.getBigUint64(8, true);
    if (previous === 0n) throw broken(lsn, "is the first record, and no checkpoint is before it");
    if (previous >= lsn) throw broken(lsn, `names ${formatLsn(toLsn(previous))} as the one before`);
    lsn = toLsn(previous);
  }
}

/** The end of a record that fills its page is the start of the next page, not of a record. */
function firstRecordAt(lsn: Lsn, wal: WalBytes): Lsn {
  return lsn % BigInt(wal.pageBytes) === 0n ? toLsn(lsn + headerBytesAt(lsn, wal)) : lsn;
}

function headerBytesAt(page: Lsn, { segmentBytes }: WalBytes): bigint {
  const isFirst = page % BigInt(segmentBytes) === 0n;
  return BigInt(isFirst ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
}

/** Bytes of a record: page headers that lie in it are passed over. */
async function readOverPages(target: Uint8Array, from: Lsn, wal: WalBytes): Promise<void> {
  let lsn = from;
  for (let at = 0; at < target.byteLength; ) {
    lsn = firstRecordAt(lsn, wal);
    const room = wal.pageBytes - Number(lsn % BigInt(wal.pageBytes));
    const piece = target.subarray(at, at + room);
    await wal.read(piece, lsn);
    at += piece.byteLength;
    lsn = toLsn(lsn + BigInt(piece.byteLength));
  }
}

function broken(lsn: Lsn, detail: string): InvalidJournalError {
  return new InvalidJournalError(
    `WAL at ${formatLsn(lsn)}`,
    detail,
    "Is the WAL in pg_wal that of this data directory? pg_rewind could not read it either.",
  );
}
