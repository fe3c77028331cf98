import { backOff, isTransient, type RetryPolicy, retryTransient } from "../../base/retry.ts";
import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import { closableStream } from "../closable-stream.ts";
import type { ByteRange, ObjectInfo, StorageDriver } from "../driver.ts";
import type { ObjectKey } from "../object-key.ts";

/**
 * Repeats what failed for a passing reason. A `put` is repeated when its body can be read again
 * and the failure was not the body's own; a `get` only while no byte of it was handed out (a
 * driver whose service can tell one version of an object from another resumes by itself); a
 * listing goes on after its last key.
 */
export function retrying(driver: StorageDriver, policy: RetryPolicy): StorageDriver {
  return new RetryingDriver(driver, policy);
}

class RetryingDriver implements StorageDriver {
  readonly name: string;
  readonly traits: StorageDriver["traits"];
  readonly #inner: StorageDriver;
  readonly #policy: RetryPolicy;

  constructor(inner: StorageDriver, policy: RetryPolicy) {
    this.name = inner.name;
    this.traits = inner.traits;
    this.#inner = inner;
    this.#policy = policy;
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const watched = watchedBody(body);
    const canRepeat = body.replayable && this.traits.retriesPut !== true;
    if (!canRepeat) return this.#inner.put(key, body, options);
    let bodyError: { readonly error: unknown } | undefined;
    const outcome = await retryTransient(this.#policy, options.signal, async () => {
      try {
        return await this.#inner.put(key, watched.source, options);
      } catch (error) {
        if (watched.failure() === undefined) throw error;
        bodyError = { error };
        return undefined;
      }
    });
    if (bodyError !== undefined) throw bodyError.error;
    return outcome as ObjectInfo;
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    const open = () => this.#inner.get(key, options);
    const stream = await retryTransient(this.#policy, options.signal, open);
    return reopenedBeforeFirstByte(stream, { open, policy: this.#policy, signal: options.signal });
  }

  stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    return retryTransient(this.#policy, signal, () => this.#inner.stat(key, signal));
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    let after = options.after;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const from = after === undefined ? {} : { after };
        for await (const info of this.#inner.list(prefix, { ...from, signal: options.signal })) {
          after = info.key;
          attempt = 1;
          yield info;
        }
        return;
      } catch (error) {
        options.signal.throwIfAborted();
        if (!isTransient(error) || attempt >= this.#policy.attemptsMax) throw error;
        await backOff(this.#policy, { attempt, error, signal: options.signal });
      }
    }
  }

  listFolder(folder: string, signal: AbortSignal) {
    return retryTransient(this.#policy, signal, () => this.#inner.listFolder(folder, signal));
  }

  delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    return retryTransient(this.#policy, signal, () => this.#inner.delete(keys, signal));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Notices an error of the body itself, which is its owner's and is never repeated here. */
function watchedBody(body: ByteSource) {
  let failure: { readonly error: unknown } | undefined;
  const source: ByteSource = {
    sizeBytes: body.sizeBytes,
    replayable: body.replayable,
    async *open(signal) {
      try {
        for await (const chunk of body.open(signal)) yield chunk;
      } catch (error) {
        failure = { error };
        throw error;
      }
    },
  };
  return { source, failure: () => failure };
}

function reopenedBeforeFirstByte(
  first: ByteStream,
  options: {
    readonly open: () => Promise<ByteStream>;
    readonly policy: RetryPolicy;
    readonly signal: AbortSignal;
  },
): ByteStream {
  const { open, policy, signal } = options;
  let current = first[Symbol.asyncIterator]();
  const close = async () => {
    await current.return?.();
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let hasGivenBytes = false;
    for (let attempt = 1; ; attempt += 1) {
      try {
        for (let next = await current.next(); next.done !== true; next = await current.next()) {
          hasGivenBytes = true;
          yield next.value;
        }
        return;
      } catch (error) {
        signal.throwIfAborted();
        const isSpent = attempt >= policy.attemptsMax;
        if (hasGivenBytes || isSpent || !isTransient(error)) throw error;
        await backOff(policy, { attempt, error, signal });
        current = (await open())[Symbol.asyncIterator]();
      }
    }
  }
  return closableStream(chunks(), close);
}
