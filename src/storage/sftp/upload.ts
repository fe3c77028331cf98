import { dirname } from "node:path/posix";
import { temporaryName } from "../../base/atomic-file.ts";
import { backOff, isTransient } from "../../base/retry.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { ChunkPool, recycle } from "../../stream/chunk-pool.ts";
import { StorageUnavailableError } from "../errors.ts";
import { abortable, type BorrowedConnection } from "./connections.ts";
import { hashOf, readBlocks } from "./download.ts";
import { hasStatus, STATUS, toStorageError } from "./errors.ts";
import { makeFolders } from "./folders.ts";
import {
  closeHandle,
  type FileFacts,
  handleFacts,
  openFile,
  removeFile,
  syncHandle,
  writeAt,
} from "./requests.ts";
import { BLOCK_BYTES, proveBase, type SftpStore, type StoredFile } from "./store.ts";

/** Requests of one object under way: enough for a fast link at some distance. */
const WRITE_WINDOW_BLOCKS = 16;
/** What one object may hold in memory until the server has answered for it. */
export const WRITE_WINDOW_BYTES = WRITE_WINDOW_BLOCKS * BLOCK_BYTES;
/** What has to be read back at most after a broken connection; the server writes it meanwhile. */
const SYNC_BYTES = 256 * 1024 * 1024;
/** A delete that empties a folder may remove it just before the new file is made. */
const FOLDER_RACES_MAX = 10;
const DISCARD_TIMEOUT_MS = 5000;

interface Block {
  readonly bytes: Uint8Array;
  readonly position: number;
  answer: Promise<void>;
}

/**
 * A file that is being written under its temporary name. Blocks are kept until the server has
 * answered for them: when the connection breaks, the rest goes over another one. A server that
 * was restarted meanwhile may have lost what it had answered for, so that is read back first, as
 * far as it was not yet made durable.
 */
export class TemporaryFile {
  readonly path: string;
  readonly #store: SftpStore;
  readonly #file: StoredFile;
  readonly #signal: AbortSignal;
  readonly #pool = new ChunkPool(BLOCK_BYTES);
  readonly #window: Block[] = [];
  #opened: { readonly borrowed: BorrowedConnection; readonly handle: Buffer } | undefined;
  #sentBytes = 0;
  #answeredBytes = 0;
  #durableBytes = 0;
  /** Of the blocks between the two, each hash being the seed of the next. */
  #hash = 0n;
  #attempt = 1;

  constructor(store: SftpStore, file: StoredFile, signal: AbortSignal) {
    this.#store = store;
    this.#file = file;
    this.#signal = signal;
    this.path = temporaryName(file.path, store.clock.now());
  }

  /** Writes all of the body and makes it durable; what the server then knows of the file. */
  async write(body: ByteStream): Promise<FileFacts> {
    await this.#persist(() => this.#open("w"));
    for await (const block of this.#blocksOf(body)) {
      if (this.#window.length >= WRITE_WINDOW_BLOCKS) await this.#acknowledge();
      const entry = { bytes: block, position: this.#sentBytes, answer: Promise.resolve() };
      this.#sentBytes += block.byteLength;
      this.#window.push(entry);
      this.#send(entry);
    }
    while (this.#window.length > 0) await this.#acknowledge();
    const facts = await this.#persist(() => this.#complete());
    this.#close();
    return facts;
  }

  /** Removes what a failed write left, if the server can be asked within a moment. */
  async discard(): Promise<void> {
    this.#close();
    const late = new AbortController();
    const { clock, connections } = this.#store;
    const remove = async () => {
      using borrowed = await connections.borrow(late.signal);
      await abortable(removeFile(borrowed.connection, this.path), late.signal);
    };
    const timer = new AbortController();
    clock.sleep(DISCARD_TIMEOUT_MS, timer.signal).then(
      () => late.abort(),
      () => {},
    );
    // What stays behind has a name that listings hide, and the first error is the one to tell.
    await remove().catch(() => {});
    timer.abort();
  }

  /** Copies into blocks of one size, so that the chunks can go back to where they came from. */
  async *#blocksOf(body: ByteStream): AsyncGenerator<Uint8Array> {
    let block = this.#pool.take();
    let filled = 0;
    for await (const chunk of body) {
      for (let offset = 0; offset < chunk.byteLength; ) {
        const taken = Math.min(chunk.byteLength - offset, BLOCK_BYTES - filled);
        block.set(chunk.subarray(offset, offset + taken), filled);
        offset += taken;
        filled += taken;
        if (filled < BLOCK_BYTES) continue;
        yield block;
        block = this.#pool.take();
        filled = 0;
      }
      recycle(chunk);
    }
    if (filled > 0) yield block.subarray(0, filled);
  }

  #send(block: Block): void {
    const { bytes, position } = block;
    const { borrowed, handle } = this.#current();
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    block.answer = writeAt(borrowed.connection, handle, view, position);
    // It is waited for in its turn.
    block.answer.catch(() => {});
  }

  /** Waits for the oldest block's answer. */
  async #acknowledge(): Promise<void> {
    await this.#persist(async () => {
      const first = this.#window[0];
      if (first !== undefined) await abortable(first.answer, this.#signal);
    });
    const block = this.#window.shift();
    if (block === undefined) return;
    this.#answeredBytes += block.bytes.byteLength;
    this.#hash = hashOf(block.bytes, this.#hash);
    recycle(block.bytes);
    if (this.#answeredBytes - this.#durableBytes >= SYNC_BYTES) {
      await this.#persist(() => this.#makeDurable());
    }
  }

  async #makeDurable(): Promise<void> {
    const { borrowed, handle } = this.#current();
    const isDurable = await abortable(syncHandle(borrowed.connection, handle), this.#signal);
    if (!isDurable) return;
    this.#durableBytes = this.#answeredBytes;
    this.#hash = 0n;
  }

  async #complete(): Promise<FileFacts> {
    await this.#makeDurable();
    const { borrowed, handle } = this.#current();
    const facts = await abortable(handleFacts(borrowed.connection, handle), this.#signal);
    if (facts.sizeBytes !== this.#sentBytes) {
      throw this.#failure(`holds ${facts.sizeBytes} of ${this.#sentBytes} bytes on the server`);
    }
    return facts;
  }

  #current() {
    if (this.#opened === undefined) throw this.#failure("is not open");
    return this.#opened;
  }

  /** Does the work, and goes on with another connection for as long as the policy allows. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await work();
        this.#attempt = 1;
        return result;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #recover(thrown: unknown): Promise<void> {
    for (let last = thrown; ; ) {
      this.#signal.throwIfAborted();
      const error = toStorageError(last, { storage: this.#store.name, key: this.#file.key });
      const { policy } = this.#store;
      if (!isTransient(error) || this.#attempt >= policy.attemptsMax) throw error;
      await backOff(policy, { attempt: this.#attempt, error, signal: this.#signal });
      this.#attempt += 1;
      try {
        await this.#reopen();
        return;
      } catch (failure) {
        last = failure;
      }
    }
  }

  async #reopen(): Promise<void> {
    this.#opened?.borrowed.connection.fail("its transfers go on elsewhere");
    this.#close();
    // Nothing was stored yet when the first opening failed; the name is ours alone.
    await this.#open(this.#answeredBytes === 0 ? "w" : "r+");
    await this.#verify();
    for (const block of this.#window) this.#send(block);
  }

  async #open(mode: "w" | "r+"): Promise<void> {
    if (this.#opened !== undefined) return;
    const borrowed = await this.#store.connections.borrow(this.#signal);
    const { connection } = borrowed;
    try {
      for (let race = 1; this.#opened === undefined; race += 1) {
        try {
          const opening = openFile(connection, this.path, mode);
          this.#opened = { borrowed, handle: await abortable(opening, this.#signal) };
        } catch (error) {
          const isFolderGone = mode === "w" && hasStatus(error, STATUS.noSuchFile);
          if (!isFolderGone || race > FOLDER_RACES_MAX) throw error;
          await abortable(proveBase(this.#store, connection), this.#signal);
          await makeFolders(this.#store, connection, dirname(this.path));
        }
      }
    } catch (error) {
      borrowed[Symbol.dispose]();
      throw error;
    }
  }

  /** What the server had answered for must still be there. */
  async #verify(): Promise<void> {
    const { borrowed, handle } = this.#current();
    const offset = this.#durableBytes;
    const range = { offset, length: this.#answeredBytes - offset };
    let hash = 0n;
    for await (const block of readBlocks(borrowed.connection, handle, range, this.#signal)) {
      hash = hashOf(block, hash);
      recycle(block);
    }
    if (hash !== this.#hash) {
      throw this.#failure("the server has lost bytes that it had answered for");
    }
  }

  #close(): void {
    if (this.#opened === undefined) return;
    const { borrowed, handle } = this.#opened;
    this.#opened = undefined;
    closeHandle(borrowed.connection, handle);
    borrowed[Symbol.dispose]();
  }

  #failure(detail: string): StorageUnavailableError {
    const { key } = this.#file;
    return new StorageUnavailableError({
      storage: this.#store.name,
      key,
      detail,
      isTransient: false,
    });
  }
}
