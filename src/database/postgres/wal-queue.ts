import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { tryLockFile } from "../../base/file-lock.ts";
import { parseWalFileName } from "../../wal/file-name.ts";
import type { SegmentOwner } from "../../wal/segment-check.ts";
import type { JournalQueue } from "../journal.ts";
import { openWalFile } from "./wal-journal.ts";

const READY = ".ready";

/**
 * What the server waits to have archived: `<pg_wal>/archive_status/<file>.ready`. Files stored
 * ahead are remembered as WAL-G does, by `<pg_wal>/walg_data/walg_archive_status/<file>`, or by
 * renaming `.ready` to `.done`, after which the server never asks.
 *
 * A mark holds the name of the storage, and counts for no other: marks left by WAL-G are empty,
 * those of a storage that was changed since name another, and then the ordinary way finds out.
 */
export class WalQueue implements JournalQueue {
  readonly #walDirectory: string;
  readonly #marksDirectory: string;
  readonly #owner: SegmentOwner;
  readonly #renamesReady: boolean;

  private constructor(
    walDirectory: string,
    options: { readonly owner: SegmentOwner; readonly renamesReady: boolean },
  ) {
    this.#walDirectory = walDirectory;
    this.#marksDirectory = join(walDirectory, "walg_data", "walg_archive_status");
    this.#owner = options.owner;
    this.#renamesReady = options.renamesReady;
  }

  /** The queue beside a WAL file; undefined when the file does not lie in a server's `pg_wal`. */
  static beside(
    path: string,
    options: { readonly owner: SegmentOwner; readonly renamesReady: boolean },
  ): WalQueue | undefined {
    const walDirectory = dirname(path);
    if (!existsSync(join(walDirectory, "archive_status"))) return undefined;
    return new WalQueue(walDirectory, options);
  }

  waiting(except: string): readonly string[] {
    const marked = new Set(namesIn(this.#marksDirectory));
    return this.#ready()
      .filter((name) => name !== except && !marked.has(name))
      .sort((a, b) => urgency(a) - urgency(b) || (a < b ? -1 : 1));
  }

  /** Segments that the server keeps because they are not archived yet. */
  waitingSegmentCount(): number {
    return this.#ready().filter((name) => parseWalFileName(name)?.kind === "segment").length;
  }

  async open(name: string) {
    return openWalFile(join(this.#walDirectory, name), this.#owner);
  }

  takeMark(name: string, storage: string): boolean {
    const path = join(this.#marksDirectory, name);
    try {
      const isOurs = readFileSync(path, "utf8") === `${storage}\n`;
      rmSync(path);
      return isOurs;
    } catch {
      // Absent, or not ours to touch: the storage itself will tell.
      return false;
    }
  }

  mark(name: string, storage: string): void {
    if (this.#renamesReady) {
      const status = join(this.#walDirectory, "archive_status", name);
      renameSync(`${status}${READY}`, `${status}.done`);
      return;
    }
    mkdirSync(this.#marksDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.#marksDirectory, name), `${storage}\n`, { mode: 0o600 });
  }

  async lock(): Promise<Disposable | undefined> {
    mkdirSync(this.#marksDirectory, { recursive: true, mode: 0o700 });
    return tryLockFile(join(dirname(this.#marksDirectory), "wal-push.lock"));
  }

  #ready(): string[] {
    return namesIn(join(this.#walDirectory, "archive_status"))
      .filter((name) => name.endsWith(READY))
      .map((name) => name.slice(0, -READY.length))
      .filter((name) => parseWalFileName(name) !== undefined);
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
