import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CRC32C_START, crc32c, finishCrc32c, updateCrc32c } from "../../src/base/crc32c.ts";
import { readControlFile } from "../../src/database/postgres/control-file.ts";
import { formatSegmentName, segmentAt } from "../../src/wal/segment-name.ts";

/** Within the record, behind its header (24 bytes) and the header of its data (2 bytes). */
const CHECKPOINT_OFFSET = 26;
/** Of the checkpoint within pg_control. */
const CONTROL_OFFSET = 40;
const RECORD_CRC_OFFSET = 20;
const CONTROL_CRC_OFFSETS = new Map([
  [1300, 288],
  [1700, 288],
  [1800, 292],
]);
const NEXT_OID_OFFSET = 32;
const WAL_PAGE_BYTES = 8192;
/** More than any version's checkpoint record. */
const RECORD_BYTES_MAX = 160;

/**
 * Sets the counter of OIDs of a cluster that was shut down back to where it began, as it does by
 * itself after four billion: the server takes it from the record of its last checkpoint. Relations
 * that are made from then on get file names that dropped relations had. false: the record lies
 * across two pages; another checkpoint has another place.
 */
export function wrapOids(dataDir: string, nextOid: number): boolean {
  const control = readControlFile(dataDir);
  if (control.state !== "shut down") throw new Error(`${dataDir}: is ${control.state}`);
  const { checkpointLsn, segmentBytes, timeline } = control;
  const name = formatSegmentName(segmentAt(checkpointLsn, timeline, segmentBytes), segmentBytes);
  const position = Number(checkpointLsn % BigInt(segmentBytes));
  if ((position % WAL_PAGE_BYTES) + RECORD_BYTES_MAX > WAL_PAGE_BYTES) return false;
  patch(join(dataDir, "pg_wal", name), position, (record) => {
    const view = viewOf(record);
    if (view.getUint32(RECORD_CRC_OFFSET, true) !== recordCrc(record)) {
      throw new Error(`${name}: no record at ${position}`);
    }
    view.setUint32(CHECKPOINT_OFFSET + NEXT_OID_OFFSET, nextOid, true);
    view.setUint32(RECORD_CRC_OFFSET, recordCrc(record), true);
  });
  patch(join(dataDir, "global/pg_control"), 0, (bytes) => {
    const view = viewOf(bytes);
    const crcOffset = CONTROL_CRC_OFFSETS.get(control.controlVersion);
    if (crcOffset === undefined) throw new Error(`pg_control ${control.controlVersion}`);
    view.setUint32(CONTROL_OFFSET + NEXT_OID_OFFSET, nextOid, true);
    view.setUint32(crcOffset, crc32c(bytes.subarray(0, crcOffset)), true);
  });
  return true;
}

function recordCrc(record: Uint8Array): number {
  const body = updateCrc32c(CRC32C_START, record, 24, viewOf(record).getUint32(0, true));
  return finishCrc32c(updateCrc32c(body, record, 0, RECORD_CRC_OFFSET)) >>> 0;
}

function patch(path: string, position: number, change: (bytes: Uint8Array) => void): void {
  const descriptor = openSync(path, "r+");
  try {
    const bytes = new Uint8Array(512);
    readSync(descriptor, bytes, 0, bytes.byteLength, position);
    change(bytes);
    writeSync(descriptor, bytes, 0, bytes.byteLength, position);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
