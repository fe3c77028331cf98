import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type FileLock, inheritedLock, tryLockFile } from "../../base/file-lock.ts";
import type { JournalAhead } from "../journal.ts";

/** What the process that stores ahead is to do. */
export interface AheadPlan {
  /** Of the settings that it works with. */
  readonly fingerprint: string;
  readonly names: readonly string[];
}

/**
 * The process that stores waiting WAL ahead, by its three files in `walg_data`: the lock that it
 * has from its start to its end, the plan that it removes as its last act, and what it had to say.
 * None of them is needed by the next one: whatever a killed process left is replaced.
 */
export class AheadRun implements JournalAhead {
  readonly #directory: string;
  readonly #fingerprint: string;

  /** Intentions of a process with other settings do not count. */
  constructor(directory: string, fingerprint: string) {
    this.#directory = directory;
    this.#fingerprint = fingerprint;
  }

  async lock(): Promise<FileLock | undefined> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    return await tryLockFile(this.#path("lock"));
  }

  /** The lock as the process itself was given it. */
  async inherited(descriptor: number): Promise<FileLock | undefined> {
    return await inheritedLock(this.#path("lock"), descriptor);
  }

  intends(name: string): boolean {
    const plan = this.plan();
    return plan?.fingerprint === this.#fingerprint && plan.names.includes(name);
  }

  get hasPlan(): boolean {
    return existsSync(this.#path("plan"));
  }

  plan(): AheadPlan | undefined {
    if (!this.hasPlan) return undefined;
    try {
      const text = readFileSync(this.#path("plan"), "utf8");
      const [fingerprint = "", ...names] = text.trimEnd().split("\n");
      return { fingerprint, names };
    } catch {
      // It ended in this moment.
      return undefined;
    }
  }

  /** Whole or not at all, as it is read without the lock. Only under the lock. */
  begin(names: readonly string[]): void {
    const unfinished = this.#path("plan.new");
    writeFileSync(unfinished, `${[this.#fingerprint, ...names].join("\n")}\n`, { mode: 0o600 });
    renameSync(unfinished, this.#path("plan"));
  }

  /** Only under the lock. */
  end(): void {
    rmSync(this.#path("plan"), { force: true });
  }

  openNotes(): { readonly descriptor: number } & Disposable {
    const descriptor = openSync(this.#path("log"), "w", 0o600);
    return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
  }

  takeNotes(): readonly string[] {
    const path = this.#path("log");
    if (!existsSync(path)) return [];
    try {
      const text = readFileSync(path, "utf8");
      rmSync(path, { force: true });
      return text.split("\n").filter((line) => line !== "");
    } catch {
      // Another user's: whoever wrote it will be told.
      return [];
    }
  }

  #path(what: "lock" | "plan" | "plan.new" | "log"): string {
    return join(this.#directory, `wal-push.${what}`);
  }
}
