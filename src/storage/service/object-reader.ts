import { backOff, isTransient, type RetryPolicy } from "../../base/retry.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { closableStream } from "../closable-stream.ts";
import type { ByteRange } from "../driver.ts";
import { InvalidRangeError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import { resolveRange } from "../range.ts";
import type { GetAnswer, ObjectApi } from "./api.ts";
import { ConnectionError, type ErrorDialect, ServiceError } from "./errors.ts";

interface ReaderOptions {
  readonly name: string;
  readonly keyPrefix: string;
  readonly api: ObjectApi;
  readonly errors: ErrorDialect;
  readonly policy: RetryPolicy;
  /** How often one stream goes on after its connection broke. */
  readonly resumesMax: number;
}

interface ReadOptions {
  readonly range?: ByteRange;
  readonly signal: AbortSignal;
}

/** Only another stream, from the start, may do better. */
class OverstatedError extends StorageUnavailableError {}

/** Reads objects: exact ranges, and streams that go on after a broken connection. */
export class ObjectReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async read(key: ObjectKey, { range, signal }: ReadOptions): Promise<ByteStream> {
    if (range !== undefined && (range.length < 1 || range.offset < 0)) {
      return this.#readNothing(key, { range, signal });
    }
    const answer = await this.#open(key, { range, ifMatch: undefined, signal });
    const wanted = range ?? answer.range;
    if (!isSame(answer.range, wanted)) {
      await closeAnswer(answer);
      throw this.#wrongRange(key, { wanted, answer });
    }
    return this.#resumed(key, { answer, signal });
  }

  /** HTTP has no empty range: the object must still be there, and hold the place. */
  async #readNothing(key: ObjectKey, options: Required<ReadOptions>): Promise<ByteStream> {
    const { name: storage, keyPrefix, api } = this.#options;
    try {
      const { sizeBytes } = await api.headObject(`${keyPrefix}${key}`, options.signal);
      resolveRange(options.range, sizeBytes, { storage, key });
    } catch (error) {
      throw this.#options.errors.toStorageError(error, { storage, key });
    }
    return closableStream(nothing(), () => {});
  }

  async #open(
    key: ObjectKey,
    options: {
      readonly range: ByteRange | undefined;
      readonly ifMatch: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<GetAnswer> {
    const { name: storage, keyPrefix, api } = this.#options;
    try {
      return await api.getObject({ name: `${keyPrefix}${key}`, ...options });
    } catch (error) {
      if (error instanceof ServiceError && error.status === 412) throw this.#changed(key);
      throw this.#options.errors.toStorageError(error, { storage, key });
    }
  }

  #wrongRange(
    key: ObjectKey,
    facts: { readonly wanted: ByteRange; readonly answer: GetAnswer },
  ): Error {
    const { wanted, answer } = facts;
    const storage = this.#options.name;
    if (wanted.offset + wanted.length > answer.totalBytes) {
      const detail = `${wanted.length} bytes at ${wanted.offset} of ${answer.totalBytes}`;
      return new InvalidRangeError({ storage, key, detail });
    }
    return new StorageUnavailableError({
      storage,
      key,
      detail: "the service answered with another range than it was asked for",
      isTransient: false,
    });
  }

  /** The same object ends before what an answer promised: what was on the way spoiled that. */
  #overstated(key: ObjectKey, cause: unknown): OverstatedError {
    return new OverstatedError({
      storage: this.#options.name,
      key,
      detail: "an answer promised more bytes than the object has",
      cause,
      isTransient: true,
    });
  }

  #changed(key: ObjectKey): StorageUnavailableError {
    return new StorageUnavailableError({
      storage: this.#options.name,
      key,
      detail: "the object was replaced while it was read",
      isTransient: false,
    });
  }

  #resumed(
    key: ObjectKey,
    first: { readonly answer: GetAnswer; readonly signal: AbortSignal },
  ): ByteStream {
    let current = first.answer;
    const chunks = this.#chunks(key, {
      ...first,
      reopen: async (range) => {
        const { etag: ifMatch } = first.answer;
        // Without its tag nobody can say that the rest is of the same object.
        if (ifMatch === undefined) throw this.#changed(key);
        try {
          current = await this.#open(key, { range, ifMatch, signal: first.signal });
        } catch (error) {
          throw error instanceof InvalidRangeError ? this.#overstated(key, error) : error;
        }
        if (isSame(current.range, range)) return current;
        await closeAnswer(current);
        const error = this.#wrongRange(key, { wanted: range, answer: current });
        throw error instanceof InvalidRangeError ? this.#overstated(key, error) : error;
      },
    });
    return closableStream(chunks, () => closeAnswer(current));
  }

  async *#chunks(
    key: ObjectKey,
    options: {
      readonly answer: GetAnswer;
      readonly signal: AbortSignal;
      readonly reopen: (range: ByteRange) => Promise<GetAnswer>;
    },
  ): AsyncGenerator<Uint8Array> {
    const { signal, reopen } = options;
    const { policy, resumesMax, name: storage } = this.#options;
    const { offset, length } = options.answer.range;
    let doneBytes = 0;
    let answer: GetAnswer | undefined = options.answer;
    for (let attempt = 1; ; attempt += 1) {
      try {
        answer ??= await reopen({ offset: offset + doneBytes, length: length - doneBytes });
        for await (const chunk of answer.body) {
          signal.throwIfAborted();
          doneBytes += chunk.byteLength;
          if (doneBytes > length) throw new ConnectionError("the answer is longer than it said");
          yield chunk;
        }
        if (doneBytes === length) return;
        throw new ConnectionError(`the answer ended after ${doneBytes} of ${length} bytes`);
      } catch (thrown) {
        signal.throwIfAborted();
        const error = this.#options.errors.toStorageError(thrown, { storage, key });
        // Before the first byte a repetition is no resumption: it is the caller's to decide.
        const isFinal =
          attempt > resumesMax ||
          doneBytes === 0 ||
          doneBytes > length ||
          error instanceof OverstatedError;
        if (isFinal || !isTransient(error)) throw error;
        await backOff(policy, { attempt, error, signal });
        answer = undefined;
        if (doneBytes === length) return;
      }
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function isSame(left: ByteRange, right: ByteRange): boolean {
  return left.offset === right.offset && left.length === right.length;
}

async function closeAnswer(answer: GetAnswer): Promise<void> {
  await answer.body[Symbol.asyncIterator]().return?.();
}
