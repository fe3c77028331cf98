import { closeSync, fsync, fsyncSync, openSync, rmSync } from "node:fs";

/**
 * The name a file has until it is complete: `<path>.tmp.<UTC instant>-<16 hex>`, the pattern that
 * WAL-G's listing of file storages hides.
 */
export function temporaryName(path: string, now: Date): string {
  const instant = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const random = crypto.getRandomValues(new Uint8Array(8)).toHex();
  return `${path}.tmp.${instant}-${random}`;
}

/** A name that an unfinished write has, in WAL-G and here: never an object. */
export function isTemporaryName(name: string): boolean {
  return /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/.test(name);
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a file's content durable, in another thread: meanwhile further files are written. */
export function syncFile(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(descriptor, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** As `syncDirectory`, in another thread. */
export async function syncNames(path: string): Promise<void> {
  const descriptor = openSync(path, "r");
  try {
    await syncFile(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Removes what a failed write left; its absence is fine. */
export function discardFile(temporaryPath: string): void {
  rmSync(temporaryPath, { force: true });
}
