import { readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isProcessAlive } from "../../base/process-alive.ts";
import { parseWalFileName } from "../../wal/file-name.ts";
import type { SegmentOwner } from "../../wal/segment-check.ts";
import type { JournalFile, JournalQueue } from "../journal.ts";
import { clusterIdentity, type IdentityRequest } from "./cluster-identity.ts";
import { openWalFile } from "./wal-journal.ts";
import { WalOrder } from "./wal-order.ts";
import { WalQueue } from "./wal-queue.ts";

const DEFAULT_SEGMENT_BYTES = 16 << 20;

/** A file that is to be archived. */
export interface WalPush extends Disposable {
  readonly file: JournalFile;
  /** Bytes that the server keeps because they are not archived. */
  waitingBytes(): number;
}

/** Opens a WAL file for archiving and checks it against its name and its cluster. */
export function openWalPush(
  request: IdentityRequest & { readonly queue: JournalQueue | undefined },
): WalPush {
  const { queue, workingDirectory, path } = request;
  const owner = clusterIdentity(request);
  const file = openWalFile(resolve(workingDirectory, path), owner);
  return {
    file,
    waitingBytes: () => {
      const segmentBytes = owner.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
      return (queue?.waitingSegmentCount() ?? 0) * segmentBytes;
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

/** What a process stores ahead. Disposing it, as the last act, tells that nobody is at work. */
export interface WalAhead extends Disposable {
  readonly queue: JournalQueue;
  readonly names: readonly string[];
  open(name: string): JournalFile;
  /** Whether the server that wants it archived is there. */
  isServed(): boolean;
}

/** What the process that started this one handed over; undefined when none did. */
export async function openWalAhead(
  request: IdentityRequest & {
    readonly renamesReady: boolean;
    readonly lockDescriptor: number;
  },
): Promise<WalAhead | undefined> {
  const { path, renamesReady, lockDescriptor } = request;
  const fingerprint = WalQueue.beside(path, { fingerprint: "", renamesReady })?.ahead.plan()
    ?.fingerprint;
  if (fingerprint === undefined) return undefined;
  const queue = WalQueue.beside(path, { fingerprint, renamesReady });
  const lock = await queue?.ahead.inherited(lockDescriptor);
  if (queue === undefined || lock === undefined) return undefined;
  const owner = clusterIdentity(request);
  const server = runningServer(dirname(dirname(path)));
  const planned = queue.ahead.plan()?.names ?? [];
  return {
    queue,
    names: planned.filter((name) => parseWalFileName(name) !== undefined),
    open: (name) => openWalFile(queue.pathOf(name), owner),
    isServed: () => lock.isInPlace() && server.isThere(),
    [Symbol.dispose]: () => {
      if (lock.isInPlace()) queue.ahead.end();
      lock[Symbol.dispose]();
    },
  };
}

/** Who pushes by hand, from what a dead server left, has none to wait for. */
function runningServer(dataDirectory: string): { isThere(): boolean } {
  const processId = () => {
    try {
      const text = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8");
      return Number.parseInt(text, 10);
    } catch {
      return undefined;
    }
  };
  const first = processId();
  if (first === undefined || !isProcessAlive(first)) return { isThere: () => true };
  return { isThere: () => processId() === first && isProcessAlive(first) };
}

/** What is known of the place that WAL is fetched into. */
export interface WalFetchPlace {
  readonly order: WalOrder;
  /**
   * Tells this restored directory from every other, former ones of the same path included, and
   * this boot of the machine from former ones: files read ahead are not fsynced.
   */
  readonly origin: string;
}

export function walFetchPlace(request: {
  /** Where the file goes, or any name beside it. */
  readonly path: string;
  readonly workingDirectory: string;
  /** Where files are read ahead to. */
  readonly readAheadDirectory: string;
  readonly fallbackSegmentBytes: number | undefined;
}): WalFetchPlace {
  const owner = clusterIdentity({ ...request, dataDirectory: undefined });
  return {
    order: new WalOrder(owner, request.fallbackSegmentBytes),
    origin: originOf([join(request.workingDirectory, "global"), request.readAheadDirectory], owner),
  };
}

function originOf(directories: readonly string[], owner: SegmentOwner): string {
  const cluster = `${owner.systemIdentifier ?? 0n}:${bootIdentifier()}`;
  for (const directory of directories) {
    const facts = statSync(directory, { throwIfNoEntry: false });
    if (facts === undefined) continue;
    // The number of a removed directory is given out again; its time of birth is not.
    return `${cluster}:${facts.dev}:${facts.ino}:${facts.birthtimeMs}`;
  }
  return cluster;
}

/** Another one after each start of the machine; empty where the kernel does not tell. */
function bootIdentifier(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
