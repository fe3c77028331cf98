import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { freedWhenRecycled } from "../../stream/chunk-pool.ts";
import { closableStream } from "../closable-stream.ts";
import type { ByteRange } from "../driver.ts";
import { ObjectNotFoundError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import { resolveRange } from "../range.ts";
import { isAbsence, toStorageError } from "./errors.ts";

const CHUNK_BYTES = 256 * 1024;

interface StoredFile {
  readonly path: string;
  readonly storage: string;
  readonly key: ObjectKey;
}

/** Opens a stored file; what is open stays the same bytes when the name is replaced meanwhile. */
export function readStoredFile(
  file: StoredFile,
  options: { readonly range?: ByteRange; readonly signal: AbortSignal },
): ByteStream {
  const descriptor = open(file);
  let range: ByteRange;
  try {
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw new ObjectNotFoundError(file);
    range = resolveRange(options.range, status.size, file);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return closableStream(read(file, { descriptor, range, signal: options.signal }), () =>
    closeSync(descriptor),
  );
}

function open(file: StoredFile): number {
  try {
    return openSync(file.path, "r");
  } catch (error) {
    if (isAbsence(error)) throw new ObjectNotFoundError({ ...file, cause: error });
    throw toStorageError(error, file);
  }
}

async function* read(
  file: StoredFile,
  options: { readonly descriptor: number; readonly range: ByteRange; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const { descriptor, range, signal } = options;
  const end = range.offset + range.length;
  for (let position = range.offset; position < end; ) {
    signal.throwIfAborted();
    const chunk = freedWhenRecycled(Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position)));
    const readBytes = readChunk(file, { descriptor, chunk, position });
    if (readBytes === 0) {
      const detail = `ends at ${position}, ${end - position} bytes early`;
      throw new StorageUnavailableError({ ...file, detail, isTransient: false });
    }
    position += readBytes;
    yield readBytes === chunk.byteLength ? chunk : chunk.subarray(0, readBytes);
  }
}

function readChunk(
  file: StoredFile,
  options: { readonly descriptor: number; readonly chunk: Uint8Array; readonly position: number },
): number {
  const { descriptor, chunk, position } = options;
  try {
    return readSync(descriptor, chunk, 0, chunk.byteLength, position);
  } catch (error) {
    throw toStorageError(error, file);
  }
}
