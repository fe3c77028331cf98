import type { ByteBudget } from "../../base/byte-budget.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type RetryPolicy, retryTransient } from "../../base/retry.ts";
import type { ByteSource } from "../../stream/byte-stream.ts";
import { openBody } from "../checked-body.ts";
import type { ObjectInfo } from "../driver.ts";
import { ObjectExistsError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import type { CompletedPart, ObjectApi, ObjectFacts, PutAnswer } from "./api.ts";
import type { ErrorDialect } from "./errors.ts";
import { uploadInParts } from "./multipart.ts";
import { PartBuffers } from "./part-buffers.ts";
import { type Part, PartReader } from "./part-reader.ts";
import { type PartSizing, partSizes } from "./part-size.ts";

interface WriterOptions {
  readonly name: string;
  readonly keyPrefix: string;
  readonly api: ObjectApi;
  readonly budget: ByteBudget;
  readonly sizing: PartSizing;
  readonly errors: ErrorDialect;
  readonly partSizeSetting: string;
  readonly policy: RetryPolicy;
  readonly conditionalPut: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One call of `put`. */
interface Write {
  readonly key: ObjectKey;
  /** In the bucket. */
  readonly name: string;
  readonly putId: string;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal;
}

/**
 * Stores objects: in one request when they fit one part, else in parts. Requests are repeated
 * from the part's buffer, so a body is read once.
 *
 * `ifAbsent` is the service's decision, by a condition on the write. A service that is not known
 * to honour it is asked for the object first, which leaves a gap but never overwrites what was
 * there before.
 * Each write carries an id in the object's metadata: a refusal may be caused by the write's own
 * first attempt, whose answer was lost, and then the object in storage has its id.
 */
export class ObjectWriter {
  readonly #options: WriterOptions;
  readonly #buffers: PartBuffers;
  /** false once the service refused the condition itself. */
  #sendsCondition = true;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#buffers = new PartBuffers(options.budget.totalBytes);
  }

  async write(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const { clock, sizing, budget, name: storage, keyPrefix } = this.#options;
    const putId = crypto.getRandomValues(new Uint8Array(16)).toHex();
    const write: Write = { key, name: `${keyPrefix}${key}`, putId, ...options };
    const { signal } = options;
    if (write.ifAbsent && !this.#options.conditionalPut) await this.#requireAbsent(write);
    const counted = new ByteCount();
    const stream = counted.count(openBody(body, { storage, key, signal }));
    const { sizeBytes } = body;
    const partBytes = partSizes(sizing, sizeBytes);
    const buffers = this.#buffers;
    const reader = new PartReader(stream, { budget, buffers, partBytes, sizeBytes, signal });
    try {
      const first = await reader.next();
      const answer = first.isLast
        ? await this.#putWhole(first, write)
        : await this.#putParts({ first, reader }, write);
      const modifiedAt = answer.storedAt ?? clock.now();
      return { key, sizeBytes: counted.sizeBytes, modifiedAt };
    } finally {
      await reader.close();
    }
  }

  async #putWhole(part: Part, write: Write): Promise<PutAnswer> {
    const { api } = this.#options;
    using held = part;
    const answer = await this.#decided(write, (ifAbsent) => {
      const { name, putId, signal } = write;
      return api.putObject({ name, putId, body: held.bytes, ifAbsent, signal });
    });
    held.recycle();
    return answer;
  }

  #putParts(
    source: { readonly first: Part; readonly reader: PartReader },
    write: Write,
  ): Promise<PutAnswer> {
    const { api, sizing, log, name: storage } = this.#options;
    const { key, name, signal } = write;
    return uploadInParts(api, source, {
      name,
      create: () => this.#create(write),
      signal,
      partsMax: sizing.partsMax,
      concurrencyMax: sizing.partsInFlightMax,
      repeat: (ownSignal, work) => this.#repeat(write, ownSignal, work),
      complete: (upload) => this.#complete(upload, write),
      tooLarge: () => this.#tooLarge(key),
      onOrphan: (uploadId) =>
        log.warning(`${storage}/${key}: an unfinished multipart upload could not be removed`, {
          uploadId,
        }),
    });
  }

  #create(write: Write): Promise<string> {
    const { api, errors } = this.#options;
    const { name, putId, signal } = write;
    return this.#repeat(write, signal, async () => {
      const ifAbsent = write.ifAbsent && this.#sendsCondition;
      try {
        return await api.createMultipartUpload({ name, putId, ifAbsent, signal });
      } catch (error) {
        // Some services refuse at once what they would not complete.
        if (errors.isPrecondition(error)) await this.#afterRefusal(write, error);
        throw error;
      }
    });
  }

  async #complete(
    upload: { readonly uploadId: string; readonly parts: readonly CompletedPart[] },
    write: Write,
  ): Promise<PutAnswer> {
    const { api, conditionalPut } = this.#options;
    const { name, signal } = write;
    // Reading the parts took a while; a service without the condition is asked once more.
    if (write.ifAbsent && !conditionalPut) await this.#requireAbsent(write);
    return this.#decided(write, (ifAbsent) =>
      api.completeMultipartUpload({ name, ...upload, ifAbsent, signal }),
    );
  }

  /** The request that makes the object visible, repeated, with its refusals understood. */
  async #decided(
    write: Write,
    send: (ifAbsent: boolean) => Promise<PutAnswer>,
  ): Promise<PutAnswer> {
    const { name: storage, policy } = this.#options;
    const { key, signal } = write;
    return retryTransient(policy, signal, async () => {
      const ifAbsent = write.ifAbsent && this.#sendsCondition;
      try {
        return await send(ifAbsent);
      } catch (error) {
        signal.throwIfAborted();
        if (ifAbsent && this.#options.errors.isUnsupportedCondition(error)) {
          this.#sendsCondition = false;
          return await this.#sendUnconditionally(write, send);
        }
        // 404: the upload is gone, which is also what follows a completion whose answer was lost.
        const { errors } = this.#options;
        if (!errors.isPrecondition(error) && !errors.isUploadGone(error))
          throw this.#options.errors.toStorageError(error, { storage, key });
        return await this.#afterRefusal(write, error);
      }
    });
  }

  async #sendUnconditionally(
    write: Write,
    send: (ifAbsent: boolean) => Promise<PutAnswer>,
  ): Promise<PutAnswer> {
    try {
      return await send(false);
    } catch (error) {
      throw this.#options.errors.toStorageError(error, {
        storage: this.#options.name,
        key: write.key,
      });
    }
  }

  async #afterRefusal(write: Write, refusal: unknown): Promise<PutAnswer> {
    const { name: storage } = this.#options;
    const { key } = write;
    const stored = await this.#find(write);
    if (stored?.putId === write.putId) return { storedAt: stored.modifiedAt };
    // An upload that is gone was dropped by whoever completed the same name first.
    const isTaken = this.#options.errors.isPrecondition(refusal) || write.ifAbsent;
    if (stored !== undefined && isTaken) {
      throw new ObjectExistsError({ storage, key, cause: refusal });
    }
    const error = this.#options.errors.toStorageError(refusal, { storage, key });
    // Refused, and yet nothing is there: somebody else's write is under way, or was just removed.
    throw this.#options.errors.isPrecondition(refusal)
      ? new StorageUnavailableError({ storage, key, detail: "conflicting write", cause: refusal })
      : error;
  }

  async #requireAbsent(write: Write): Promise<void> {
    const { policy, name: storage } = this.#options;
    const stored = await retryTransient(policy, write.signal, () => this.#find(write));
    if (stored !== undefined) throw new ObjectExistsError({ storage, key: write.key });
  }

  async #find({ key, name, signal }: Write): Promise<ObjectFacts | undefined> {
    try {
      return await this.#options.api.headObject(name, signal);
    } catch (error) {
      if (this.#options.errors.isNotFound(error)) return undefined;
      throw this.#options.errors.toStorageError(error, { storage: this.#options.name, key });
    }
  }

  #repeat<T>(write: Write, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { policy, name: storage } = this.#options;
    return retryTransient(policy, signal, async () => {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        throw this.#options.errors.toStorageError(error, { storage, key: write.key });
      }
    });
  }

  #tooLarge(key: ObjectKey): StorageUnavailableError {
    return new StorageUnavailableError({
      storage: this.#options.name,
      key,
      detail: `the object needs more than ${this.#options.sizing.partsMax} parts`,
      isTransient: false,
      hint: `Raise ${this.#options.partSizeSetting} and the budget of part buffers.`,
    });
  }
}

/** Counts what passes. */
class ByteCount {
  sizeBytes = 0;

  async *count(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      this.sizeBytes += chunk.byteLength;
      yield chunk;
    }
  }
}
