import { ConfigError } from "../base/errors.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { toObjectKey } from "../storage/object-key.ts";
import { breathing } from "../stream/breathing.ts";
import { type ByteSource, compose } from "../stream/byte-stream.ts";
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

/**
 * Source → codec → cipher → storage. Resolves when the storage acknowledged the whole object;
 * what it returns was measured on the bytes that the storage was given.
 */
export async function writeObject(
  repository: Pick<Repository, "driver" | "codec" | "cipher">,
  request: WriteRequest,
): Promise<StoredObject> {
  const { driver, codec, cipher } = repository;
  const compress = codec.compress;
  if (compress === undefined) {
    throw new ConfigError(
      `codec ${codec.name} can only be read`,
      "Choose lz4, zstd, brotli, lzma or none as COMPRESSION_METHOD.",
    );
  }
  let plain = countingMeter();
  let stored = hashingMeter();
  await driver.put(
    toObjectKey(request.key),
    {
      sizeBytes: undefined,
      replayable: request.source.replayable,
      open: (signal) => {
        plain = countingMeter(request.onPlainBytes);
        stored = hashingMeter();
        const input = request.source.open(signal);
        return compose(input, plain.stage, breathing, compress, cipher.encrypt, stored.stage);
      },
    },
    { ifAbsent: request.ifAbsent, signal: request.signal },
  );
  return {
    key: request.key,
    plainBytes: plain.sizeBytes(),
    storedBytes: stored.sizeBytes(),
    storedSha256: stored.sha256(),
    codec: codec.name,
    cipherKeyId: cipher.keyId,
  };
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
