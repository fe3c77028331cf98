import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import { openCLibrary } from "./c-library.ts";

const LOCK_EXCLUSIVE_NON_BLOCKING = 2 | 4;

export interface FileLock extends Disposable {
  /** false: the file was removed or replaced, so others may hold "the same" lock by now. */
  isInPlace(): boolean;
  /** A process that is given it shares the lock, which ends when both have closed it. */
  readonly descriptor: number;
}

/**
 * Takes the kernel's lock (`flock`) on a file, which is made when absent; undefined when somebody
 * else has it. It ends with the process, however that ends, so no lock is ever stale.
 */
export async function tryLockFile(path: string): Promise<FileLock | undefined> {
  const descriptor = openSync(path, "a", 0o600);
  try {
    if (await flock(descriptor)) return heldBy(descriptor, path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  closeSync(descriptor);
  return undefined;
}

/** The lock that the process which started this one handed over; undefined when it did not. */
export async function inheritedLock(
  path: string,
  descriptor: number,
): Promise<FileLock | undefined> {
  try {
    if (!isSameFile(descriptor, path)) return undefined;
  } catch {
    // Not open, or nothing is there.
    return undefined;
  }
  return (await flock(descriptor)) ? heldBy(descriptor, path) : undefined;
}

function heldBy(descriptor: number, path: string): FileLock {
  return {
    descriptor,
    isInPlace: () => isSameFile(descriptor, path),
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

async function flock(descriptor: number): Promise<boolean> {
  const library = await openCLibrary({ flock: { args: ["i32", "i32"], returns: "i32" } });
  return library.flock(descriptor, LOCK_EXCLUSIVE_NON_BLOCKING) === 0;
}

function isSameFile(descriptor: number, path: string): boolean {
  const own = fstatSync(descriptor);
  const named = statSync(path, { throwIfNoEntry: false });
  return named !== undefined && named.ino === own.ino && named.dev === own.dev;
}
