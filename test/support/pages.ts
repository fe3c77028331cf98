import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pageChecksum } from "../../src/delta/page-checksum.ts";

const PAGE_BYTES = 8192;
const GOLDEN = join(import.meta.dirname, "..", "golden", "pages", "pg_class_pg15.zst");

/**
 * The pages of a `pg_class` that PostgreSQL 15 wrote in a cluster with data checksums, in order
 * from block 0.
 */
export async function samplePages(): Promise<Uint8Array[]> {
  const bytes = await Bun.zstdDecompress(readFileSync(GOLDEN));
  const pages: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += PAGE_BYTES) {
    pages.push(new Uint8Array(bytes.subarray(offset, offset + PAGE_BYTES)));
  }
  return pages;
}

/** A page that a server could have written last at this LSN, filled with `fill`. */
export function madePage(lsn: bigint, fill = 0x5a): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES).fill(fill);
  const view = new DataView(page.buffer);
  view.setUint32(0, Number(lsn >> 32n), true);
  view.setUint32(4, Number(lsn & 0xffff_ffffn), true);
  view.setUint16(8, 0, true);
  view.setUint16(10, 4, true);
  view.setUint16(12, 40, true);
  view.setUint16(14, 8000, true);
  view.setUint16(16, PAGE_BYTES, true);
  view.setUint16(18, PAGE_BYTES + 4, true);
  return page;
}

/** Pages one behind the other. */
export function joinedPages(pages: readonly Uint8Array[]): Uint8Array {
  const file = new Uint8Array(pages.length * PAGE_BYTES);
  for (const [index, page] of pages.entries()) file.set(page, index * PAGE_BYTES);
  return file;
}

/** The same with the checksums that a server gives them, counted from the first block. */
export function withChecksums(file: Uint8Array): Uint8Array {
  const copy = file.slice();
  const words = new Int32Array(copy.buffer);
  const view = new DataView(copy.buffer);
  const count = PAGE_BYTES / 4;
  for (let block = 0; block < copy.byteLength / PAGE_BYTES; block += 1) {
    if (view.getUint16(block * PAGE_BYTES + 14, true) === 0) continue;
    const sum = pageChecksum({ words, start: block * count, count }, block);
    view.setUint16(block * PAGE_BYTES + 8, sum, true);
  }
  return copy;
}
