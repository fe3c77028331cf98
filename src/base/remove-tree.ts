import { lstatSync, rmSync } from "node:fs";

/** How often it is begun anew; each time something else removed a file of the tree meanwhile. */
const ATTEMPTS = 100;

/**
 * Removes a file or a folder with all that is in it, also while others remove parts of it. The
 * runtime's own recursive removal ends in silence at a file that vanished after it was listed, and
 * leaves the rest.
 * @throws what the file system says; or that something goes on making files in there
 */
export function removeTree(path: string): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    rmSync(path, { recursive: true, force: true });
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  }
  throw new Error(`${path} is still there: something goes on writing in it`);
}
