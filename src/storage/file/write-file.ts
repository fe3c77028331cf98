import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import {
  discardFile,
  syncDirectory,
  syncFile,
  syncNames,
  temporaryName,
} from "../../base/atomic-file.ts";
import { errnoOf } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { recycle } from "../../stream/chunk-pool.ts";
import type { ObjectInfo } from "../driver.ts";
import { ObjectExistsError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import { toStorageError } from "./errors.ts";
import { factsOf } from "./file-facts.ts";

interface NewFile {
  readonly path: string;
  /** An existing directory above it: what is missing in between is made. */
  readonly base: string;
  readonly storage: string;
  readonly key: ObjectKey;
}

/** A delete that empties a directory may remove it just before the new file gets its name. */
const DIRECTORY_RACES_MAX = 10;
/** File systems without hard links answer one of these. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Writes under a temporary name, makes it durable, and then gives it its name. */
export async function writeStoredFile(
  file: NewFile,
  body: ByteStream,
  options: { readonly ifAbsent: boolean; readonly now: Date },
): Promise<Omit<ObjectInfo, "key">> {
  if (options.ifAbsent && existsSync(file.path)) throw new ObjectExistsError(file);
  const temporaryPath = temporaryName(file.path, options.now);
  const descriptor = translated(file, () => createFile(file, temporaryPath));
  let isOpen = true;
  const close = () => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  try {
    for await (const chunk of body) {
      translated(file, () => writeAll(descriptor, chunk));
      recycle(chunk);
    }
    await syncFile(descriptor).catch((error: unknown) => fail(file, error));
    const facts = translated(file, () => {
      const status = fstatSync(descriptor, { bigint: true });
      if (options.ifAbsent) placeUnlessPresent(file, temporaryPath, descriptor);
      else renameSync(temporaryPath, file.path);
      close();
      return factsOf(status);
    });
    await syncNames(dirname(file.path)).catch((error: unknown) => fail(file, error));
    return facts;
  } catch (error) {
    close();
    tryDiscard(temporaryPath);
    throw error;
  }
}

function tryDiscard(temporaryPath: string): void {
  try {
    discardFile(temporaryPath);
  } catch {
    // What stays behind has a name that listings hide, and the first error is the one to tell.
  }
}

function translated<T>(file: NewFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    fail(file, error);
  }
}

function fail(file: NewFile, error: unknown): never {
  if (error instanceof ObjectExistsError) throw error;
  throw toStorageError(error, file);
}

function createFile(file: NewFile, temporaryPath: string): number {
  for (let race = 1; ; race += 1) {
    try {
      return openSync(temporaryPath, "wx", 0o640);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || race > DIRECTORY_RACES_MAX) throw error;
      createDirectory(file.base, dirname(file.path));
    }
  }
}

/** As `mkdir -p` below the base, with every new name durable. Never creates the base itself. */
function createDirectory(base: string, path: string): void {
  if (path.length <= base.length || path === "/") return;
  createDirectory(base, dirname(path));
  try {
    mkdirSync(path, 0o750);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    throw error;
  }
  syncDirectory(dirname(path));
}

function writeAll(descriptor: number, chunk: Uint8Array): void {
  for (let offset = 0; offset < chunk.byteLength; ) {
    offset += writeSync(descriptor, chunk, offset, chunk.byteLength - offset);
  }
}

/** link(2) refuses a name that is taken, atomically, also between machines on NFS. */
function placeUnlessPresent(file: NewFile, temporaryPath: string, descriptor: number): void {
  try {
    linkSync(temporaryPath, file.path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EEXIST") {
      // NFS may repeat a link that succeeded and lost its answer: then our file has two names.
      if (fstatSync(descriptor).nlink < 2) throw new ObjectExistsError({ ...file, cause: error });
    } else if (errno !== undefined && NO_LINKS.has(errno)) {
      if (existsSync(file.path)) throw new ObjectExistsError({ ...file, cause: error });
      renameSync(temporaryPath, file.path);
      return;
    } else {
      throw error;
    }
  }
  unlinkSync(temporaryPath);
}
