import type { Lsn } from "../../delta/lsn.ts";
import { PageScan } from "../../delta/page-scan.ts";
import type { OpenedFile } from "./opened-file.ts";

/** A multiple of the page, large enough that reads keep a disk busy. */
export const SCAN_BYTES = 1 << 20;

/**
 * Two buffers: one is filled while the other is looked at. Whoever scans one file after the other
 * keeps them; what a scan gives out of them holds until the next one.
 */
export class ScanBuffers {
  readonly #buffers: Uint8Array[] = [];

  at(index: number): Uint8Array {
    const known = this.#buffers[index % 2];
    if (known !== undefined) return known;
    const made = new Uint8Array(SCAN_BYTES);
    this.#buffers[index % 2] = made;
    return made;
  }
}

export interface ScannedFile {
  /** undefined: a page has a header that no server writes, so the LSNs prove nothing. */
  readonly blocks: Uint32Array | undefined;
  /** The whole file, where it fits the buffer: it need not be read again. */
  readonly content: Uint8Array | undefined;
}

/**
 * Looks once at each page of the file, up to the size that it had when it was opened: which of
 * them changed since the LSN. Pages that are gone by now are left out, their removal is in the WAL.
 */
export async function scanFile(
  file: OpenedFile,
  { since, countsVisible }: { readonly since: Lsn; readonly countsVisible: boolean },
  buffers: ScanBuffers,
): Promise<ScannedFile> {
  const proof = file.checksPages
    ? (page: Parameters<OpenedFile["isIntact"]>[0], block: number) => file.isIntact(page, block)
    : undefined;
  const scan = new PageScan(since, proof, countsVisible);
  const pageBytes = 8192;
  let bytes = await readFully(file, buffers.at(0), 0);
  const content = file.sizeBytes <= SCAN_BYTES ? buffers.at(0).subarray(0, bytes) : undefined;
  for (let index = 0, position = 0; bytes > 0; index += 1) {
    const next = position + bytes;
    const isLast = next >= file.sizeBytes || bytes < SCAN_BYTES;
    // Rejections are those of the await below.
    const reading = isLast ? 0 : readFully(file, buffers.at(index + 1), next);
    if (typeof reading !== "number") reading.catch(() => {});
    const pages = buffers.at(index).subarray(0, bytes);
    const isJudged = scan.push(pages, position / pageBytes);
    const nextBytes = await reading;
    if (!isJudged) return { blocks: undefined, content };
    position = next;
    bytes = nextBytes;
  }
  return { blocks: scan.blocks, content };
}

/** Fills the buffer as far as the file, at its size when it was opened, has bytes. */
async function readFully(file: OpenedFile, buffer: Uint8Array, position: number): Promise<number> {
  const wanted = buffer.subarray(0, Math.min(SCAN_BYTES, file.sizeBytes - position));
  let done = 0;
  while (done < wanted.byteLength) {
    const bytes = await file.readAhead(wanted.subarray(done), position + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}
