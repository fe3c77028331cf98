import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseWalFileName } from "../../wal/file-name.ts";
import type { JournalQueue } from "../journal.ts";
import { AheadRun } from "./ahead-run.ts";

const READY = ".ready";
const DONE = ".done";
/** WAL-G's name for what it keeps in `pg_wal`. */
const DATA_DIRECTORY = "walg_data";

export interface WalQueueOptions {
  /** Of the settings: what was stored with others does not count. */
  readonly fingerprint: string;
  readonly renamesReady: boolean;
}

/**
 * What the server waits to have archived: `<pg_wal>/archive_status/<file>.ready`. Files stored
 * ahead are remembered as WAL-G does, by `<pg_wal>/walg_data/walg_archive_status/<file>`, or by
 * renaming `.ready` to `.done`, after which the server never asks.
 *
 * A mark holds the fingerprint of the settings and what the file was, and counts for nothing else:
 * marks left by WAL-G are empty, those of a storage that was changed since have another
 * fingerprint, and then the ordinary way finds out.
 */
export class WalQueue implements JournalQueue {
  readonly ahead: AheadRun;
  readonly #walDirectory: string;
  readonly #marksDirectory: string;
  readonly #options: WalQueueOptions;

  private constructor(walDirectory: string, options: WalQueueOptions) {
    const dataDirectory = join(walDirectory, DATA_DIRECTORY);
    this.#walDirectory = walDirectory;
    this.#marksDirectory = join(dataDirectory, "walg_archive_status");
    this.#options = options;
    this.ahead = new AheadRun(dataDirectory, options.fingerprint);
  }

  /** The queue beside a WAL file; undefined when the file does not lie in a server's `pg_wal`. */
  static beside(path: string, options: WalQueueOptions): WalQueue | undefined {
    const walDirectory = dirname(path);
    if (!existsSync(join(walDirectory, "archive_status"))) return undefined;
    return new WalQueue(walDirectory, options);
  }

  pathOf(name: string): string {
    return join(this.#walDirectory, name);
  }

  waiting(except: string): readonly string[] {
    const marked = new Set(namesIn(this.#marksDirectory));
    return this.#ready()
      .filter((name) => name !== except && !marked.has(name))
      .sort((a, b) => urgency(a) - urgency(b) || (a < b ? -1 : 1));
  }

  waitingSegmentCount(): number {
    return this.#ready().filter((name) => parseWalFileName(name)?.kind === "segment").length;
  }

  isWaiting(name: string): boolean {
    return existsSync(this.#statusPath(name, READY));
  }

  takeMark(name: string): boolean {
    const path = join(this.#marksDirectory, name);
    if (!existsSync(path)) return false;
    try {
      const mark = readFileSync(path, "utf8");
      rmSync(path);
      return mark === this.#markOf(name);
    } catch {
      // Gone, as the file may be, or not ours to touch: the storage itself will tell.
      return false;
    }
  }

  takeAsked(name: string): boolean {
    if (this.takeMark(name)) return true;
    const done = this.#statusPath(name, DONE);
    if (!this.#options.renamesReady || this.isWaiting(name) || !existsSync(done)) return false;
    try {
      // The server looked before it was renamed, and warns of what it cannot rename itself.
      renameSync(done, this.#statusPath(name, READY));
      return true;
    } catch {
      return false;
    }
  }

  mark(name: string): void {
    // A mark for a file that was archived meanwhile would lie there for ever.
    if (!this.isWaiting(name)) return;
    if (this.#options.renamesReady) {
      renameSync(this.#statusPath(name, READY), this.#statusPath(name, DONE));
      return;
    }
    mkdirSync(this.#marksDirectory, { recursive: true, mode: 0o700 });
    // Whole or not at all, as the server's call may be waiting for it.
    const unfinished = join(this.#marksDirectory, ".new");
    writeFileSync(unfinished, this.#markOf(name), { mode: 0o600 });
    renameSync(unfinished, join(this.#marksDirectory, name));
  }

  /** The file is told by its number, which a copied directory does not share. */
  #markOf(name: string): string {
    const { ino, size, mtimeMs } = statSync(this.pathOf(name));
    return `${this.#options.fingerprint} ${ino} ${size} ${mtimeMs}\n`;
  }

  #ready(): string[] {
    return namesIn(join(this.#walDirectory, "archive_status"))
      .filter((name) => name.endsWith(READY))
      .map((name) => basename(name, READY))
      .filter((name) => parseWalFileName(name) !== undefined);
  }

  #statusPath(name: string, state: typeof READY | typeof DONE): string {
    return join(this.#walDirectory, "archive_status", `${name}${state}`);
  }
}

/** As the server's archiver: timeline histories before everything else. */
function urgency(name: string): number {
  return name.endsWith(".history") ? 0 : 1;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
