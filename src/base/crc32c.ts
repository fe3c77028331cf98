/**
 * CRC-32C (Castagnoli), as PostgreSQL's WAL records and pg_control use it. Eight bytes a step
 * over eight tables; all state is signed 32-bit, which the runtime keeps unboxed.
 */

/** State before the first byte. */
export const CRC32C_START = -1;

const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

/** The state after the bytes `[start, end)`, from the state before them. */
export function updateCrc32c(state: number, bytes: Uint8Array, start: number, end: number): number {
  const tables = TABLES;
  let crc = state | 0;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ word(bytes, at);
    const high = word(bytes, at + 4);
    crc =
      entry(tables, 0x700 | (low & 0xff)) ^
      entry(tables, 0x600 | ((low >>> 8) & 0xff)) ^
      entry(tables, 0x500 | ((low >>> 16) & 0xff)) ^
      entry(tables, 0x400 | (low >>> 24)) ^
      entry(tables, 0x300 | (high & 0xff)) ^
      entry(tables, 0x200 | ((high >>> 8) & 0xff)) ^
      entry(tables, 0x100 | ((high >>> 16) & 0xff)) ^
      entry(tables, high >>> 24);
  }
  for (; at < end; at += 1) {
    crc = entry(tables, (crc ^ (bytes[at] ?? 0)) & 0xff) ^ (crc >>> 8);
  }
  return crc;
}

/** State → checksum, unsigned. */
export function finishCrc32c(state: number): number {
  return ~state >>> 0;
}

/** Checksum of a whole buffer, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  return finishCrc32c(updateCrc32c(CRC32C_START, bytes, 0, bytes.byteLength));
}

function entry(tables: Int32Array, index: number): number {
  return tables[index] ?? 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let index = 0; index < 256; index += 1) {
    let crc = index;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[index] = crc;
  }
  for (let index = 256; index < tables.length; index += 1) {
    const before = entry(tables, index - 256);
    tables[index] = entry(tables, before & 0xff) ^ (before >>> 8);
  }
  return tables;
}
