import { backOff, isTransient } from "../../base/retry.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { freedWhenRecycled } from "../../stream/chunk-pool.ts";
import { closableStream } from "../closable-stream.ts";
import type { ByteRange } from "../driver.ts";
import { ObjectNotFoundError, StorageUnavailableError } from "../errors.ts";
import { resolveRange } from "../range.ts";
import type { SftpConnection } from "./connection.ts";
import { abortable, type BorrowedConnection } from "./connections.ts";
import { hasStatus, SftpConnectionError, STATUS, toStorageError } from "./errors.ts";
import { closeHandle, type FileFacts, handleFacts, openFile, readAt } from "./requests.ts";
import { BLOCK_BYTES, proveBase, type SftpStore, type StoredFile } from "./store.ts";

/** Requests of one stream under way: enough for a fast link at some distance. */
const READ_WINDOW_BLOCKS = 8;

interface OpenObject {
  readonly borrowed: BorrowedConnection;
  readonly handle: Buffer;
  readonly facts: FileFacts;
}

/** What was given out last: after a broken connection it must be there again. */
interface LastBlock {
  readonly position: number;
  readonly sizeBytes: number;
  readonly hash: bigint;
}

/** Opens an object; the stream goes on where it was when its connection breaks. */
export async function openDownload(
  store: SftpStore,
  file: StoredFile,
  options: { readonly range?: ByteRange | undefined; readonly signal: AbortSignal },
): Promise<ByteStream> {
  const object = { storage: store.name, key: file.key };
  const opened = await openObject(store, file, options.signal);
  let range: ByteRange;
  try {
    range = resolveRange(options.range, opened.facts.sizeBytes, object);
  } catch (error) {
    closeObject(opened);
    throw error;
  }
  const download = new Download(store, file, { opened, range, signal: options.signal });
  return closableStream(download.chunks(), () => download.close());
}

async function openObject(
  store: SftpStore,
  file: StoredFile,
  signal: AbortSignal,
): Promise<OpenObject> {
  const object = { storage: store.name, key: file.key };
  const borrowed = await store.connections.borrow(signal);
  const { connection } = borrowed;
  let handle: Buffer | undefined;
  try {
    handle = await abortable(openFile(connection, file.path, "r"), signal);
    const facts = await abortable(handleFacts(connection, handle), signal);
    if (facts.kind === "directory") throw new ObjectNotFoundError(object);
    return { borrowed, handle, facts };
  } catch (error) {
    if (handle !== undefined) closeHandle(connection, handle);
    using _ = borrowed;
    if (!hasStatus(error, STATUS.noSuchFile)) throw error;
    await proveBase(store, connection);
    throw new ObjectNotFoundError({ ...object, cause: error });
  }
}

function closeObject({ borrowed, handle }: OpenObject): void {
  closeHandle(borrowed.connection, handle);
  borrowed[Symbol.dispose]();
}

class Download {
  readonly #store: SftpStore;
  readonly #file: StoredFile;
  readonly #facts: FileFacts;
  readonly #range: ByteRange;
  readonly #signal: AbortSignal;
  #opened: OpenObject | undefined;
  #position: number;
  #last: LastBlock | undefined;

  constructor(
    store: SftpStore,
    file: StoredFile,
    options: {
      readonly opened: OpenObject;
      readonly range: ByteRange;
      readonly signal: AbortSignal;
    },
  ) {
    this.#store = store;
    this.#file = file;
    this.#opened = options.opened;
    this.#facts = options.opened.facts;
    this.#range = options.range;
    this.#position = options.range.offset;
    this.#signal = options.signal;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const end = this.#range.offset + this.#range.length;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { borrowed, handle } = await this.#current();
        const range = { offset: this.#position, length: end - this.#position };
        for await (const block of readBlocks(borrowed.connection, handle, range, this.#signal)) {
          const sizeBytes = block.byteLength;
          this.#last = { position: this.#position, sizeBytes, hash: hashOf(block) };
          this.#position += sizeBytes;
          attempt = 1;
          yield block;
        }
        return;
      } catch (thrown) {
        this.#signal.throwIfAborted();
        const error = toStorageError(thrown, { storage: this.#store.name, key: this.#file.key });
        // Before the first byte a repetition is no resumption: it is the caller's to decide.
        const isFirst = this.#last === undefined;
        const { attemptsMax } = this.#store.policy;
        if (isFirst || attempt >= attemptsMax || !isTransient(error)) throw error;
        this.close();
        await backOff(this.#store.policy, { attempt, error, signal: this.#signal });
      }
    }
  }

  close(): void {
    if (this.#opened !== undefined) closeObject(this.#opened);
    this.#opened = undefined;
  }

  async #current(): Promise<OpenObject> {
    if (this.#opened !== undefined) return this.#opened;
    const opened = await openObject(this.#store, this.#file, this.#signal);
    this.#opened = opened;
    const { sizeBytes, modifiedSeconds } = opened.facts;
    const isSame =
      sizeBytes === this.#facts.sizeBytes && modifiedSeconds === this.#facts.modifiedSeconds;
    if (!isSame || !(await this.#hasLast(opened))) {
      throw new StorageUnavailableError({
        storage: this.#store.name,
        key: this.#file.key,
        detail: "the object was replaced while it was read",
        isTransient: false,
      });
    }
    return opened;
  }

  /** Times are whole seconds: only bytes prove that it is the same file. */
  async #hasLast({ borrowed, handle }: OpenObject): Promise<boolean> {
    if (this.#last === undefined) return true;
    const { position, sizeBytes, hash } = this.#last;
    const bytes = Buffer.allocUnsafeSlow(sizeBytes);
    await abortable(readWhole(borrowed.connection, handle, bytes, position), this.#signal);
    return hashOf(bytes) === hash;
  }
}

export function hashOf(bytes: Uint8Array, seed = 0n): bigint {
  return BigInt(Bun.hash.xxHash3(bytes, seed));
}

/** The bytes of a range in blocks, several of them under way. */
export async function* readBlocks(
  connection: SftpConnection,
  handle: Buffer,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const end = range.offset + range.length;
  const window: Promise<Uint8Array>[] = [];
  let next = range.offset;
  while (next < end || window.length > 0) {
    for (; next < end && window.length < READ_WINDOW_BLOCKS; ) {
      const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, end - next));
      const answer = readWhole(connection, handle, block, next);
      // Nobody waits for what comes after the first failure, or after an early end.
      answer.catch(() => {});
      window.push(answer);
      next += block.byteLength;
    }
    signal.throwIfAborted();
    const first = window.shift();
    if (first !== undefined) yield freedWhenRecycled(await abortable(first, signal));
  }
}

/** Fills the target: a server may answer with fewer bytes than it was asked for. */
async function readWhole(
  connection: SftpConnection,
  handle: Buffer,
  target: Buffer,
  position: number,
): Promise<Buffer> {
  for (let filled = 0; filled < target.byteLength; ) {
    const got = await readAt(connection, handle, target.subarray(filled), position + filled);
    if (got === 0) {
      const missing = target.byteLength - filled;
      throw new SftpConnectionError(
        `the file ends at ${position + filled}, ${missing} bytes early`,
        { isTransient: false },
      );
    }
    filled += got;
  }
  return target;
}
