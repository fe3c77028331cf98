import { CorruptObjectError } from "../base/errors.ts";
import { WrongKeyError } from "../cipher/errors.ts";
import type { CodecName } from "../codec/codec.ts";
import { toObjectKey } from "../storage/object-key.ts";
import { breathing } from "../stream/breathing.ts";
import { type ByteStream, compose } from "../stream/byte-stream.ts";
import { countingMeter, hashingMeter } from "../stream/meter.ts";
import type { Repository } from "./repository.ts";
import type { StoredObject } from "./stored-part.ts";

export interface ReadRequest {
  /** Full key, extension included. */
  readonly key: string;
  readonly codec: CodecName;
  /** What the receipts say; undefined: only what codec and cipher can prove is proven. */
  readonly expected?: Pick<StoredObject, "plainBytes" | "storedBytes" | "storedSha256"> | undefined;
  readonly signal: AbortSignal;
}

/**
 * Storage → cipher → codec. The plain bytes count only once the stream has ended: with `expected`
 * the end also proves stored size, SHA-256 and plain size, and throws `CorruptObjectError`.
 */
export async function readObject(
  repository: Pick<Repository, "driver" | "cipher" | "codecFor">,
  request: ReadRequest,
): Promise<ByteStream> {
  const codec = await repository.codecFor(request.codec);
  const { signal, expected, key } = request;
  const input = await repository.driver.get(toObjectKey(key), { signal });
  if (expected === undefined) {
    return compose(input, repository.cipher.decrypt, codec.decompress, named(key), breathing);
  }
  return proven(key, input, expected, (stored) =>
    compose(stored, repository.cipher.decrypt, codec.decompress, named(key), breathing),
  );
}

async function* proven(
  key: string,
  input: ByteStream,
  expected: Pick<StoredObject, "plainBytes" | "storedBytes" | "storedSha256">,
  open: (stored: ByteStream) => ByteStream,
): AsyncGenerator<Uint8Array> {
  const stored = hashingMeter();
  const plain = countingMeter();
  yield* compose(open(stored.stage(input)), plain.stage);
  const differs = (what: string, want: string | number, got: string | number) => {
    if (want === got) return;
    throw new CorruptObjectError(key, `${what} is ${got}, the receipts say ${want}`);
  };
  differs("stored size", expected.storedBytes, stored.sizeBytes());
  differs("SHA-256", expected.storedSha256, stored.sha256());
  differs("plain size", expected.plainBytes, plain.sizeBytes());
}

/** Codecs and ciphers do not know the object's name: errors get it here. */
function named(key: string) {
  return async function* (input: ByteStream): AsyncGenerator<Uint8Array> {
    try {
      yield* input;
    } catch (error) {
      if (error instanceof CorruptObjectError && !error.message.includes(key)) {
        throw new CorruptObjectError(key, error.message, {
          cause: error,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
      }
      if (error instanceof WrongKeyError && !error.message.includes(key)) {
        throw new WrongKeyError(key, error.keyId, { cause: error });
      }
      throw error;
    }
  };
}
