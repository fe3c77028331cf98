import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { discardFile, temporaryName } from "../base/atomic-file.ts";
import type { Clock } from "../base/clock.ts";
import { ToolError } from "../base/errors.ts";
import { tryLockFile } from "../base/file-lock.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import { downloadProven, type FetchRequest, placeNew } from "./fetch-journal.ts";
import type { JournalOrder } from "./journal.ts";
import { JournalNotFoundError } from "./journal-errors.ts";

const POLL_MS = 2;
const STALLED_POLLS_MAX = 100;
const ORIGIN = "origin";
const LOCK = "lock";

export interface ReadAheadOptions {
  /** Parent of `.wal-g`: the destination's folder, or PREFETCH_DIR. */
  readonly baseDirectory: string;
  /** What the files belong to: the storages and this restored directory. Others' never count. */
  readonly origin: string;
  readonly log: Logger;
}

/**
 * Files fetched before the server asks: `<base>/.wal-g/prefetch/<name>` when proven and whole,
 * `…/running/<name>` while they grow. A cache: whatever is wrong with it, the file is fetched.
 */
export class ReadAhead {
  readonly #directory: string;
  readonly #runningDirectory: string;
  readonly #origin: string;
  readonly #log: Logger;

  constructor(options: ReadAheadOptions) {
    this.#directory = join(options.baseDirectory, ".wal-g", "prefetch");
    this.#runningDirectory = join(this.#directory, "running");
    this.#origin = options.origin;
    this.#log = options.log;
  }

  /** Moves a finished file to the destination; waits for a growing one. False: not here. */
  async take(
    name: string,
    request: {
      readonly destination: string;
      readonly order: JournalOrder;
      readonly clock: Clock;
      readonly signal: AbortSignal;
    },
  ): Promise<boolean> {
    if (!this.#isOurs()) return false;
    const finished = join(this.#directory, name);
    if (!existsSync(finished)) await this.#awaitRunning(name, request);
    if (!existsSync(finished)) return false;
    try {
      request.order.checkReadAhead(name, finished);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      this.#log.warning(`read-ahead file is not used: ${error.message}`);
      discardFile(finished);
      return false;
    }
    this.#place(finished, request);
    discardFile(finished);
    return true;
  }

  /** Whether so little is left of `names` that the next read-ahead should start. */
  isRunningLow(names: readonly string[]): boolean {
    if (names.length === 0) return false;
    if (!this.#isOurs()) return true;
    const ready = names.filter((name) => existsSync(join(this.#directory, name)));
    return ready.length <= names.length / 2;
  }

  /**
   * Fetches the named files, in order, until one is absent or fails. Only one such run works in
   * a folder; it removes what no longer can be asked for. Ends early without error.
   */
  async fill(
    names: readonly string[],
    request: Omit<FetchRequest, "name"> & { readonly concurrencyMax: number },
  ): Promise<void> {
    mkdirSync(this.#runningDirectory, { recursive: true, mode: 0o700 });
    using lock = await tryLockFile(join(this.#runningDirectory, LOCK));
    if (lock === undefined) return;
    this.#claim(new Set(names));
    let hasEnded = false;
    const wanted = function* () {
      for (const name of names) if (!hasEnded) yield name;
    };
    const { signal } = request;
    await forEachConcurrently(wanted(), { ...request, signal }, async (name, workSignal) => {
      if (existsSync(join(this.#directory, name))) return;
      const running = join(this.#runningDirectory, name);
      try {
        await downloadProven({ ...request, name, signal: workSignal }, running);
        // The folder may have been removed, and be that of another restore by now.
        if (lock.isInPlace()) renameSync(running, join(this.#directory, name));
        else hasEnded = true;
      } catch (error) {
        discardFile(running);
        signal.throwIfAborted();
        if (!(error instanceof ToolError)) throw error;
        // wal-fetch meets the same failure when the server asks, and reports it.
        hasEnded = true;
        if (!(error instanceof JournalNotFoundError)) this.#log.warning(error.message);
      }
    });
  }

  /** Leaves only finished files of this restore that are still ahead. Under the lock. */
  #claim(wanted: ReadonlySet<string>): void {
    const isOurs = this.#isOurs();
    for (const name of readdirSync(this.#runningDirectory)) {
      if (name !== LOCK) discardFile(join(this.#runningDirectory, name));
    }
    for (const name of readdirSync(this.#directory)) {
      if (name === "running" || name === ORIGIN) continue;
      if (!isOurs || !wanted.has(name)) discardFile(join(this.#directory, name));
    }
    if (!isOurs) writeFileSync(join(this.#directory, ORIGIN), this.#origin, { mode: 0o600 });
  }

  #isOurs(): boolean {
    try {
      return readFileSync(join(this.#directory, ORIGIN), "utf8") === this.#origin;
    } catch {
      return false;
    }
  }

  /** Returns when the growing file is finished, gone, or grows no more. */
  async #awaitRunning(
    name: string,
    request: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<void> {
    const running = join(this.#runningDirectory, name);
    let sizeBytes = -1;
    for (let stalled = 0; stalled < STALLED_POLLS_MAX; stalled += 1) {
      const facts = statSync(running, { throwIfNoEntry: false });
      if (facts === undefined) return;
      if (facts.size > sizeBytes) stalled = 0;
      sizeBytes = facts.size;
      await request.clock.sleep(POLL_MS, request.signal);
    }
  }

  #place(finished: string, request: { readonly destination: string; readonly clock: Clock }): void {
    const { destination, clock } = request;
    const device = statSync(finished).dev;
    if (device === statSync(join(destination, "..")).dev) {
      placeNew(finished, destination);
      return;
    }
    const temporary = temporaryName(destination, clock.now());
    try {
      copyFileSync(finished, temporary);
      placeNew(temporary, destination);
    } finally {
      discardFile(temporary);
    }
  }
}
