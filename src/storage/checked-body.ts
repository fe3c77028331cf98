import type { ByteSource, ByteStream } from "../stream/byte-stream.ts";
import { StorageUnavailableError } from "./errors.ts";
import type { ObjectKey } from "./object-key.ts";

/** Opens a body for storing: an abort between chunks stops it, another size than promised too. */
export async function* openBody(
  body: ByteSource,
  options: { readonly storage: string; readonly key: ObjectKey; readonly signal: AbortSignal },
): ByteStream {
  let sizeBytes = 0;
  for await (const chunk of body.open(options.signal)) {
    options.signal.throwIfAborted();
    sizeBytes += chunk.byteLength;
    if (body.sizeBytes !== undefined && sizeBytes > body.sizeBytes) {
      throw wrongSize(options, body.sizeBytes, `more`);
    }
    yield chunk;
  }
  options.signal.throwIfAborted();
  if (body.sizeBytes !== undefined && sizeBytes !== body.sizeBytes) {
    throw wrongSize(options, body.sizeBytes, `${sizeBytes}`);
  }
}

function wrongSize(
  object: { readonly storage: string; readonly key: ObjectKey },
  promisedBytes: number,
  given: string,
): StorageUnavailableError {
  return new StorageUnavailableError({
    storage: object.storage,
    key: object.key,
    detail: `the body promised ${promisedBytes} bytes and gave ${given}`,
    isTransient: false,
  });
}
