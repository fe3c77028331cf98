import { closeSync, existsSync, linkSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { discardFile, syncFile, syncNames, temporaryName } from "../base/atomic-file.ts";
import { errnoOf, FilesystemError } from "../base/errors.ts";
import type { ByteStream } from "./byte-stream.ts";
import { recycle } from "./chunk-pool.ts";

/** File systems without hard links answer one of these. */
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Writes a file that must not exist yet. It gets its name when all of it is on disk: a failure or
 * an interruption leaves nothing, and what stands under the name is never replaced.
 */
export async function writeNewFile(
  path: string,
  content: ByteStream,
  options: { readonly mode: number; readonly now: Date },
): Promise<void> {
  refuseTaken(path);
  const temporary = temporaryName(path, options.now);
  const descriptor = onFile(path, () => openSync(temporary, "wx", options.mode));
  try {
    try {
      for await (const chunk of content) {
        onFile(path, () => {
          for (let at = 0; at < chunk.byteLength; ) at += writeSync(descriptor, chunk, at);
        });
        recycle(chunk);
      }
      await syncFile(descriptor).catch((cause: unknown) => fail(path, cause));
    } finally {
      closeSync(descriptor);
    }
    place(temporary, path);
  } finally {
    discardFile(temporary);
  }
  await syncNames(dirname(path)).catch((cause: unknown) => fail(path, cause));
}

/** A link, unlike a rename, never replaces. */
function place(temporary: string, path: string): void {
  try {
    linkSync(temporary, path);
  } catch (cause) {
    if (!NO_LINKS.has(errnoOf(cause) ?? "")) fail(path, cause);
    refuseTaken(path);
    onFile(path, () => renameSync(temporary, path));
  }
}

function refuseTaken(path: string): void {
  if (existsSync(path)) throw exists(path);
}

function onFile<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    fail(path, cause);
  }
}

function fail(path: string, cause: unknown): never {
  const errno = errnoOf(cause);
  if (errno === "EEXIST") throw exists(path);
  throw new FilesystemError(path, `could not be written (${errno})`, { cause });
}

function exists(path: string): FilesystemError {
  return new FilesystemError(path, "exists already", {
    hint: "Nothing is replaced; remove it first, or name another place.",
  });
}
