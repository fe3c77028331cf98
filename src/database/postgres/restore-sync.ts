import { closeSync, fsync } from "node:fs";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { type BeginWriteback, openWriteback } from "../../base/writeback.ts";

/** Enough for the file system to commit many files at once, far below any limit of open files. */
const OPEN_MAX = 64;

/**
 * Makes restored files durable beside the writing: each is synced and closed on another thread,
 * so that the next one is written meanwhile. Nothing counts as restored before `settle`.
 */
export class FileSyncer {
  /** undefined: nothing is made durable. */
  readonly #beginWriteback: BeginWriteback | undefined;
  readonly #running = new Set<Promise<void>>();
  #failure: FilesystemError | undefined;

  private constructor(beginWriteback: BeginWriteback | undefined) {
    this.#beginWriteback = beginWriteback;
  }

  static async open(isEnabled: boolean): Promise<FileSyncer> {
    return new FileSyncer(isEnabled ? await openWriteback() : undefined);
  }

  /** These bytes of an open file are there to stay: the disk may begin with them. */
  written(descriptor: number, position: number, sizeBytes: number): void {
    this.#beginWriteback?.(descriptor, position, sizeBytes);
  }

  /** Takes over an open file, once the writes to it that still run have ended. */
  add(descriptor: number, path: string, writes: readonly Promise<void>[] = []): void {
    const isEnabled = this.#beginWriteback !== undefined;
    if (!isEnabled && writes.length === 0) {
      closeSync(descriptor);
      return;
    }
    const closing = Promise.all(writes)
      .then(() => (isEnabled ? this.#sync(descriptor, path) : undefined))
      .finally(() => {
        closeSync(descriptor);
        this.#running.delete(closing);
      });
    this.#running.add(closing);
  }

  #sync(descriptor: number, path: string): Promise<void> {
    return new Promise((resolve) => {
      fsync(descriptor, (error) => {
        if (error !== null) {
          this.#failure ??= new FilesystemError(path, `fsync failed: ${messageOf(error)}`, {
            cause: error,
          });
        }
        resolve();
      });
    });
  }

  /** Resolves when few enough files are open for more. */
  async room(): Promise<void> {
    while (this.#running.size >= OPEN_MAX) await Promise.race(this.#running);
    this.#check();
  }

  get isFull(): boolean {
    return this.#running.size >= OPEN_MAX;
  }

  /** Resolves when all files taken over so far are durable; throws when one could not be. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
