import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { SegmentOwner } from "../../wal/segment-check.ts";
import type { JournalFile } from "../journal.ts";
import { clusterIdentity, type IdentityRequest } from "./cluster-identity.ts";
import { openWalFile } from "./wal-journal.ts";
import { WalOrder } from "./wal-order.ts";
import { WalQueue } from "./wal-queue.ts";

const DEFAULT_SEGMENT_BYTES = 16 << 20;

/** A file that is to be archived, and the server's queue that it stands in. */
export interface WalPush extends Disposable {
  readonly file: JournalFile;
  readonly queue: WalQueue | undefined;
  /** Bytes that the server keeps because they are not archived. */
  waitingBytes(): number;
}

/** Opens a WAL file for archiving and checks it against its name and its cluster. */
export function openWalPush(
  request: IdentityRequest & { readonly renamesReady: boolean },
): WalPush {
  const owner = clusterIdentity(request);
  const path = resolve(request.workingDirectory, request.path);
  const file = openWalFile(path, owner);
  const queue = WalQueue.beside(path, { owner, renamesReady: request.renamesReady });
  return {
    file,
    queue,
    waitingBytes: () => {
      const segmentBytes = owner.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
      return (queue?.waitingSegmentCount() ?? 0) * segmentBytes;
    },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
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
