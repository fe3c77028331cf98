import { readFileSync } from "node:fs";
import { join } from "node:path";

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
