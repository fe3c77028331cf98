import { ConfigError } from "../base/errors.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { toObjectKey } from "../storage/object-key.ts";
import { breathing } from "../stream/breathing.ts";
import { type ByteSource, type ByteStream, compose, type Stage } from "../stream/byte-stream.ts";
import { countingMeter, hashingMeter } from "../stream/meter.ts";
import type { Repository } from "./repository.ts";
import type { StoredObject } from "./stored-part.ts";

export interface WriteRequest {
  /** Full key, the codec's extension included. */
  readonly key: string;
  /** Plain bytes. A retry needs a replayable source. */
  readonly source: ByteSource;
  /** true: an object that exists already stays, and `ObjectExistsError` is thrown. */
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal;
  /** Called with the number of plain bytes as they pass; a retry counts again. */
  readonly onPlainBytes?: ((bytes: number) => void) | undefined;
}

/** Both ends of the pipe, observed. */
interface Meters {
  readonly plain: Stage;
  readonly stored: Stage;
}

/**
 * Source → codec → cipher → storage. Resolves when the storage acknowledged the whole object;
 * what it returns was measured on the bytes that the storage was given.
 */
export async function writeObject(
  repository: Pick<Repository, "driver" | "codec" | "cipher">,
  request: WriteRequest,
): Promise<StoredObject> {
  let plain = countingMeter();
  let stored = hashingMeter();
  await put(repository, request, () => {
    plain = countingMeter(request.onPlainBytes);
    stored = hashingMeter();
    return { plain: plain.stage, stored: stored.stage };
  });
  return {
    key: request.key,
    plainBytes: plain.sizeBytes(),
    storedBytes: stored.sizeBytes(),
    storedSha256: stored.sha256(),
    codec: repository.codec.name,
    cipherKeyId: repository.cipher.keyId,
  };
}

/** The same for an object of which no record is kept: half a second of hashing a GiB is saved. */
export async function writeUnrecorded(
  repository: Pick<Repository, "driver" | "codec" | "cipher">,
  request: Omit<WriteRequest, "onPlainBytes">,
): Promise<void> {
  await put(repository, request, () => ({ plain: unobserved, stored: unobserved }));
}

async function put(
  { driver, codec, cipher }: Pick<Repository, "driver" | "codec" | "cipher">,
  request: WriteRequest,
  openMeters: () => Meters,
): Promise<void> {
  const compress = codec.compress;
  if (compress === undefined) {
    throw new ConfigError(
      `codec ${codec.name} can only be read`,
      "Choose lz4, zstd, brotli, lzma or none as COMPRESSION_METHOD.",
    );
  }
  await driver.put(
    toObjectKey(request.key),
    {
      sizeBytes: undefined,
      replayable: request.source.replayable,
      open: (signal) => {
        const { plain, stored } = openMeters();
        const input = request.source.open(signal);
        return compose(input, plain, breathing, compress, cipher.encrypt, stored);
      },
    },
    { ifAbsent: request.ifAbsent, signal: request.signal },
  );
}

function unobserved(input: ByteStream): ByteStream {
  return input;
}

/** A small document as it is: neither compressed nor encrypted (sentinel, metadata). */
export async function writeDocument(
  driver: StorageDriver,
  request: Omit<WriteRequest, "onPlainBytes">,
): Promise<StoredObject> {
  let stored = hashingMeter();
  await driver.put(
    toObjectKey(request.key),
    {
      sizeBytes: request.source.sizeBytes,
      replayable: request.source.replayable,
      open: (signal) => {
        stored = hashingMeter();
        return compose(request.source.open(signal), stored.stage);
      },
    },
    { ifAbsent: request.ifAbsent, signal: request.signal },
  );
  const sizeBytes = stored.sizeBytes();
  return {
    key: request.key,
    plainBytes: sizeBytes,
    storedBytes: sizeBytes,
    storedSha256: stored.sha256(),
    codec: "none",
    cipherKeyId: "",
  };
}
