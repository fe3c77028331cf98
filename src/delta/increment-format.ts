import { CorruptObjectError } from "../base/errors.ts";

/*
 * An increment: the changed pages of one file (walg's "wi1" format), little endian.
 *
 *   0  4    'w' 'i' '1' 0x55
 *   4  8    size of the file when it was read
 *  12  4    N, number of blocks
 *  16  4·N  block numbers, ascending, relative to this 1 GiB file
 *  …        N pages, in the same order
 *
 * OrioleDB's files (in `orioledb_data`) have their page size as u16 after the file size, which
 * moves what follows by two bytes.
 */
export const INCREMENT_MAGIC: readonly number[] = [0x77, 0x69, 0x31, 0x55];
export const INCREMENT_HEADER_BYTES = 16;
export const ORIOLE_HEADER_BYTES = 18;

/** PostgreSQL's page; a file of another page size has no increments here. */
export const PAGE_BYTES = 8192;

/** A file has at most 1 GiB unless the server was built otherwise: 16 times that is damage. */
export const BLOCK_COUNT_MAX = 16 * 131_072;

export interface IncrementHeader {
  readonly fileBytes: number;
  readonly pageBytes: number;
  readonly blockCount: number;
}

/** Whether the file's increments have OrioleDB's header. `path` is below the data directory. */
export function hasOrioleHeader(path: string): boolean {
  return path.split("/").includes("orioledb_data") && /\/\d+(\.\d+)?$/.test(path);
}

export function incrementHeaderBytes(isOriole: boolean): number {
  return isOriole ? ORIOLE_HEADER_BYTES : INCREMENT_HEADER_BYTES;
}

/** `bytes` is exactly the header; `what` names the file in errors. */
export function decodeIncrementHeader(
  bytes: Uint8Array,
  options: { readonly isOriole: boolean; readonly what: string },
): IncrementHeader {
  const { isOriole, what } = options;
  const fault = (detail: string) => new CorruptObjectError(what, `its increment ${detail}`);
  if (bytes.byteLength !== incrementHeaderBytes(isOriole)) throw fault("has no whole header");
  const isMagic = [0, 1, 3].every((index) => bytes[index] === INCREMENT_MAGIC[index]);
  if (!isMagic) throw fault("does not begin as increments do");
  if (bytes[2] !== INCREMENT_MAGIC[2]) {
    throw fault(`has the unknown version ${JSON.stringify(String.fromCharCode(bytes[2] ?? 0))}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fileBytes = Number(view.getBigUint64(4, true));
  const pageBytes = isOriole ? view.getUint16(12, true) : PAGE_BYTES;
  const blockCount = view.getUint32(isOriole ? 14 : 12, true);
  if (blockCount > BLOCK_COUNT_MAX || fileBytes > BLOCK_COUNT_MAX * PAGE_BYTES) {
    throw fault(`claims ${blockCount} blocks of a file of ${fileBytes} bytes`);
  }
  if (pageBytes === 0) throw fault("has pages of no size");
  // Only files of whole pages are stored so, by us and by WAL-G.
  if (fileBytes % pageBytes !== 0) throw fault(`is of a file of ${fileBytes} bytes`);
  return { fileBytes, pageBytes, blockCount };
}
