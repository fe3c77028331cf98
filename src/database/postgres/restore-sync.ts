import { closeSync, fsync } from "node:fs";
import { FilesystemError, messageOf } from "../../base/errors.ts";

/** Enough for the file system to commit many files at once, far below any limit of open files. */
const OPEN_MAX = 64;

/**
 * Makes restored files durable beside the writing: each is synced and closed on another thread,
 * so that the next one is written meanwhile. Nothing counts as restored before `settle`.
 */
export class FileSyncer {
  readonly #isEnabled: boolean;
  readonly #running = new Set<Promise<void>>();
  #failure: FilesystemError | undefined;

  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Takes over an open file. */
  add(descriptor: number, path: string): void {
    if (!this.#isEnabled) {
      closeSync(descriptor);
      return;
    }
    const syncing = new Promise<void>((resolve) => {
      fsync(descriptor, (error) => {
        closeSync(descriptor);
        if (error !== null) {
          this.#failure ??= new FilesystemError(path, `fsync failed: ${messageOf(error)}`, {
            cause: error,
          });
        }
        resolve();
      });
    }).finally(() => this.#running.delete(syncing));
    this.#running.add(syncing);
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
