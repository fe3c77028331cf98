import { statSync } from "node:fs";
import { basename, join } from "node:path";
import { FilesystemError, UsageError } from "../base/errors.ts";
import { writeNewFile } from "../stream/new-file.ts";
import type { Invocation } from "./command.ts";
import { ALL_TARGETS, onStorage, targetOf } from "./st-storage.ts";
import { objectsOf, openStoredBytes } from "./stored-bytes.ts";

/** WAL-G's: who is in the group may read what was fetched. */
const FILE_MODE = 0o640;

/** Writes an object to a local file, or into a local folder under its own name. */
export async function run(invocation: Invocation): Promise<void> {
  const { options, clock, log, signal } = invocation;
  const [path = "", destination = ""] = invocation.arguments;
  if (targetOf(invocation) === ALL_TARGETS) {
    throw new UsageError("an explicit storage must be specified instead of 'all'");
  }
  const isGlob = options.flag("glob");
  const isFolder = statSync(destination, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isGlob && !isFolder) {
    throw new FilesystemError(destination, "is no folder", {
      hint: "What a glob matches is written into a folder that exists.",
    });
  }
  await onStorage(invocation, "read", async (repository) => {
    for (const key of await objectsOf(repository, path, { isGlob, signal })) {
      const content = await openStoredBytes(repository, {
        key,
        isDecrypted: !options.flag("no-decrypt"),
        isDecompressed: !options.flag("no-decompress"),
        log,
        signal,
      });
      const file = isFolder ? join(destination, basename(key)) : destination;
      await writeNewFile(file, content, { mode: FILE_MODE, now: clock.now() });
    }
  });
}
