import { closeSync, fsync, openSync } from "node:fs";
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
  /** Files that are not complete yet. */
  readonly #postponed = new Set<string>();
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
    this.#postponed.delete(path);
    const isEnabled = this.#beginWriteback !== undefined;
    this.#close(descriptor, writes, isEnabled ? () => this.#sync(descriptor, path) : undefined);
  }

  /**
   * Takes over a file of which only some pages were written: it is made durable when the rest has
   * come, or by `settle`. Before that the disk would get it in thousands of pieces.
   */
  postpone(descriptor: number, path: string, writes: readonly Promise<void>[] = []): void {
    if (this.#beginWriteback !== undefined) this.#postponed.add(path);
    this.#close(descriptor, writes, undefined);
  }

  #close(
    descriptor: number,
    writes: readonly Promise<void>[],
    sync: (() => Promise<void>) | undefined,
  ): void {
    if (sync === undefined && writes.length === 0) {
      closeSync(descriptor);
      return;
    }
    const closing = Promise.all(writes)
      .then(sync)
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

  /** Resolves when all files taken over so far are closed, durable or not. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Resolves when all files taken over so far are durable; throws when one could not be. */
  async settle(): Promise<void> {
    for (const path of [...this.#postponed]) {
      this.add(openForSync(path), path);
      if (this.isFull) await this.room();
    }
    await Promise.all(this.#running);
    this.#check();
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function openForSync(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new FilesystemError(path, `cannot be synced: ${messageOf(cause)}`, { cause });
  }
}
