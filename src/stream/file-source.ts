import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { errnoOf, FilesystemError } from "../base/errors.ts";
import type { ByteSource, ByteStream } from "./byte-stream.ts";
import { ChunkPool } from "./chunk-pool.ts";

/**
 * What one zstd frame takes, so that the codec gives the very chunk back: with 1 MiB nothing went
 * back to the pool, and wal-push took a quarter more processor time and 10 MiB.
 */
export const FILE_CHUNK_BYTES = 512 << 10;

/** A file that stays open, so that a rename meanwhile cannot swap its content. */
export interface OpenFile extends Disposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Replayable: every open starts at byte 0. */
  readonly source: ByteSource;
  /** Up to `length` bytes from the start. */
  head(length: number): Uint8Array;
  /** Whether the path still leads to this file. */
  isInPlace(): boolean;
}

/** Opens a file for reading. Reads are synchronous: from the page cache they cost the least. */
export function openFile(path: string): OpenFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (cause) {
    throw new FilesystemError(path, `could not open (${errnoOf(cause)})`, { cause });
  }
  const facts = fstatSync(descriptor);
  if (!facts.isFile()) {
    closeSync(descriptor);
    throw new FilesystemError(path, "is not a regular file");
  }
  const sizeBytes = facts.size;
  return {
    path,
    sizeBytes,
    modifiedAt: facts.mtime,
    source: {
      sizeBytes,
      replayable: true,
      open: (signal) => readDescriptor(descriptor, { path, sizeBytes, signal }),
    },
    head: (length) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0));
    },
    isInPlace: () => {
      const named = statSync(path, { throwIfNoEntry: false });
      return named !== undefined && named.ino === facts.ino && named.dev === facts.dev;
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** A replayable source of a file that is opened when it is read. */
export function fileSource(path: string, sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    replayable: true,
    async *open(signal) {
      using file = openFile(path);
      if (file.sizeBytes !== sizeBytes) throw changedSize(path, sizeBytes, file.sizeBytes);
      yield* file.source.open(signal);
    },
  };
}

async function* readDescriptor(
  descriptor: number,
  facts: { readonly path: string; readonly sizeBytes: number; readonly signal: AbortSignal },
): ByteStream & AsyncGenerator<Uint8Array> {
  const { path, sizeBytes, signal } = facts;
  const pool = new ChunkPool(FILE_CHUNK_BYTES);
  let position = 0;
  for (;;) {
    signal.throwIfAborted();
    const chunk = pool.take();
    // Past the promised end too, so that growth shows.
    const got = readSync(descriptor, chunk, 0, chunk.byteLength, position);
    if (got === 0) break;
    position += got;
    if (position > sizeBytes) throw changedSize(path, sizeBytes, position);
    yield got === chunk.byteLength ? chunk : chunk.subarray(0, got);
  }
  if (position !== sizeBytes) throw changedSize(path, sizeBytes, position);
}

function changedSize(path: string, promised: number, got: number): FilesystemError {
  return new FilesystemError(path, `had ${promised} bytes and now has ${got}`, {
    hint: "The file changed while it was read.",
  });
}
