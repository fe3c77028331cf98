import type { ChangeSink } from "../delta/change-sink.ts";

/*
 * Records that change relations as a whole, and name no blocks. What they say stands in their
 * main data, little endian (sources: the headers named below, PostgreSQL 13 to 18; the cases are
 * those of the server's own src/backend/postmaster/walsummarizer.c):
 *
 *   XLOG  parameter change  u32 × 5, u32 wal_level, …                       (pg_control.h)
 *   XACT  commit, abort     i64 time; with info 0x80: u32 what follows, by bit:
 *                             1   u32 database, u32 tablespace
 *                             2   u32 count, u32 transaction × count
 *                             4   u32 count, relation × count: dropped      (xact.h)
 *   SMGR  create            relation, u32 fork                              (storage_xlog.h)
 *         truncate          u32 first block that is gone, relation, u32 forks, by bit: 1 main
 *   DBASE create            u32 database, u32 tablespace, …
 *         drop              u32 database, u32 count, u32 tablespace × count (dbcommands_xlog.h)
 *
 * where a relation is u32 tablespace, u32 database, u32 relation.
 */

const XLOG = 0;
const XACT = 1;
const SMGR = 2;
const DATABASE = 4;

const RELATION_BYTES = 12;
const HAS_INFO = 0x80;
/** The server starts with less logging: what it fills new relations with is not in the WAL. */
const PARAMETER_CHANGE = 0x60;
const WAL_LEVEL_OFFSET = 20;
const WAL_LEVEL_MINIMAL = 0;

/** Whether `relationChanges` has to look at the record's main data. */
export function mayChangeRelations(manager: number, info: number): boolean {
  if (manager > DATABASE) return false;
  if (manager === XACT) return (info & HAS_INFO) !== 0;
  if (manager === XLOG) return (info & 0xf0) === PARAMETER_CHANGE;
  return manager === SMGR || manager === DATABASE;
}

export interface RelationRecord {
  readonly manager: number;
  /** As in the record's header. */
  readonly info: number;
  readonly majorVersion: number;
  readonly main: Uint8Array;
}

/** Tells the sink what the record changes; returns what is wrong with it, or undefined. */
export function relationChanges(record: RelationRecord, sink: ChangeSink): string | undefined {
  const { main, manager } = record;
  const view = new DataView(main.buffer, main.byteOffset, main.byteLength);
  try {
    if (manager === XLOG) parameterChange(record, view, sink);
    else if (manager === XACT) transactionEnd(record, view, sink);
    else if (manager === SMGR) storageChange(record, view, sink);
    else if (manager === DATABASE) databaseChange(record, view, sink);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return `record of resource manager ${manager} is cut short`;
  }
  return undefined;
}

function parameterChange({ info }: RelationRecord, view: DataView, sink: ChangeSink): void {
  if ((info & 0xf0) !== PARAMETER_CHANGE) return;
  if (view.getUint32(WAL_LEVEL_OFFSET, true) === WAL_LEVEL_MINIMAL) sink.from(0, 0, 0, 0);
}

/** Commits and aborts, of prepared transactions too, with the relations that they drop. */
function transactionEnd({ info }: RelationRecord, view: DataView, sink: ChangeSink): void {
  const operation = info & 0x70;
  const isEnd = [0x00, 0x20, 0x30, 0x40].includes(operation);
  if (!isEnd || (info & HAS_INFO) === 0) return;
  const follows = view.getUint32(8, true);
  let at = 12;
  if ((follows & 1) !== 0) at += 8;
  if ((follows & 2) !== 0) at += 4 + 4 * view.getUint32(at, true);
  if ((follows & 4) === 0) return;
  const count = view.getUint32(at, true);
  for (let index = 0; index < count; index += 1) {
    fromBlock(view, at + 4 + index * RELATION_BYTES, 0, sink);
  }
}

function storageChange({ info }: RelationRecord, view: DataView, sink: ChangeSink): void {
  const operation = info & 0xf0;
  if (operation === 0x10) {
    const fork = view.getUint32(RELATION_BYTES, true);
    // The other forks of a relation come later; its main data does not change with them.
    if (fork === 0) fromBlock(view, 0, 0, sink);
  } else if (operation === 0x20) {
    const forks = view.getUint32(4 + RELATION_BYTES, true);
    if ((forks & 1) !== 0) fromBlock(view, 4, view.getUint32(0, true), sink);
  }
}

function databaseChange(record: RelationRecord, view: DataView, sink: ChangeSink): void {
  const operation = record.info & 0xf0;
  // From 15 on 0x10 is the creation that logs each page, and 0x20 the drop.
  const dropOperation = record.majorVersion >= 15 ? 0x20 : 0x10;
  const database = view.getUint32(0, true);
  if (operation !== dropOperation) {
    sink.from(view.getUint32(4, true), database, 0, 0);
    return;
  }
  const count = view.getUint32(4, true);
  for (let index = 0; index < count; index += 1) {
    sink.from(view.getUint32(8 + 4 * index, true), database, 0, 0);
  }
}

function fromBlock(view: DataView, at: number, block: number, sink: ChangeSink): void {
  const tablespace = view.getUint32(at, true);
  sink.from(tablespace, view.getUint32(at + 4, true), view.getUint32(at + 8, true), block);
}
