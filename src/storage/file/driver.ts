import { rmdirSync, statSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../../base/atomic-file.ts";
import type { Clock } from "../../base/clock.ts";
import { errnoOf } from "../../base/errors.ts";
import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import { openBody } from "../checked-body.ts";
import type { ByteRange, DriverTraits, ObjectInfo, StorageDriver } from "../driver.ts";
import { ObjectNotFoundError, RootMissingError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import { isAbsence, toStorageError } from "./errors.ts";
import { factsOf } from "./file-facts.ts";
import { listFiles, listFolderFiles } from "./listing.ts";
import { readStoredFile } from "./read-file.ts";
import { writeStoredFile } from "./write-file.ts";

/**
 * A directory, local or mounted. Calls of the file system are synchronous, as one process a
 * segment makes few of them and a thread pool would cost more than it gives; but for fsync, during
 * which other objects are written.
 */
export class FileDriver implements StorageDriver {
  readonly name: string;
  readonly traits: DriverTraits = {
    atomicPut: true,
    conditionalPut: true,
    listsByPrefix: false,
    connectionsMax: 64,
    deleteBatchMax: 1000,
  };
  readonly #base: string;
  readonly #root: string;
  readonly #clock: Clock;

  /** `base` is an absolute path that exists, without a final slash; `below` may not exist yet. */
  constructor(options: { readonly base: string; readonly below: string; readonly clock: Clock }) {
    this.#base = options.base;
    this.#root = options.below === "" ? options.base : `${options.base}/${options.below}`;
    this.#clock = options.clock;
    this.name = `file://${this.#root}`;
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const { ifAbsent, signal } = options;
    signal.throwIfAborted();
    const file = { path: this.#pathOf(key), base: this.#base, storage: this.name, key };
    const stream = openBody(body, { storage: this.name, key, signal });
    const written = await writeStoredFile(file, stream, { ifAbsent, now: this.#clock.now() });
    return { key, ...written };
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    options.signal.throwIfAborted();
    try {
      return readStoredFile({ path: this.#pathOf(key), storage: this.name, key }, options);
    } catch (error) {
      if (error instanceof ObjectNotFoundError) this.#proveBase();
      throw error;
    }
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    signal.throwIfAborted();
    return { key, ...factsOf(this.#status(key)) };
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    this.#proveBase();
    const directory = { root: this.#root, storage: this.name };
    for (const info of listFiles(directory, { prefix, after: options.after })) {
      options.signal.throwIfAborted();
      yield info;
    }
  }

  async listFolder(folder: string, signal: AbortSignal) {
    signal.throwIfAborted();
    this.#proveBase();
    const path = folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
    return listFolderFiles({ root: this.#root, storage: this.name }, path);
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const parents = new Set<string>();
    for (const key of keys) {
      signal.throwIfAborted();
      if (this.#remove(key)) parents.add(dirname(this.#pathOf(key)));
    }
    for (const parent of parents) this.#settle(parent);
  }

  async close(): Promise<void> {}

  #pathOf(key: ObjectKey): string {
    return `${this.#root}/${key}`;
  }

  #status(key: ObjectKey) {
    try {
      const status = statSync(this.#pathOf(key), { bigint: true });
      if (!status.isDirectory()) return status;
    } catch (error) {
      if (!isAbsence(error)) throw toStorageError(error, { storage: this.name, key });
    }
    this.#proveBase();
    throw new ObjectNotFoundError({ storage: this.name, key });
  }

  /** Of a repository that went away, unmounted for one, nothing may be said to be absent. */
  #proveBase(): void {
    try {
      statSync(this.#base === "" ? "/" : this.#base);
    } catch (error) {
      throw toStorageError(error, { storage: this.name });
    }
  }

  #remove(key: ObjectKey): boolean {
    try {
      unlinkSync(this.#pathOf(key));
      return true;
    } catch (error) {
      if (isAbsence(error)) return false;
      throw toStorageError(error, { storage: this.name, key });
    }
  }

  /** Removes a directory that became empty, its parents likewise, and makes the rest durable. */
  #settle(directory: string): void {
    for (let path = directory; path.length > this.#root.length; path = dirname(path)) {
      try {
        rmdirSync(path);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno !== "ENOENT") {
          if (errno === "ENOTEMPTY" || errno === "EEXIST" || errno === "EBUSY") {
            this.#sync(path);
            return;
          }
          throw toStorageError(error, { storage: this.name });
        }
      }
    }
    this.#sync(this.#root);
  }

  #sync(path: string): void {
    try {
      syncDirectory(path);
    } catch (error) {
      if (!isAbsence(error)) throw toStorageError(error, { storage: this.name });
    }
  }
}

/** Opens the storage below `path`; the directory itself must be there, as for WAL-G. */
export function openFileStorage(
  path: string,
  options: { readonly below: string; readonly clock: Clock },
): StorageDriver {
  let isDirectory = false;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    if (!isAbsence(error)) throw toStorageError(error, { storage: `file://${path}` });
  }
  if (!isDirectory) {
    throw new RootMissingError(
      `FILE_PREFIX: there is no directory ${path}`,
      "Create it, or mount it, before the first use; it is never created silently.",
    );
  }
  return new FileDriver({ base: path === "/" ? "" : path, ...options });
}
