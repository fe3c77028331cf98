import { dirname } from "node:path/posix";
import type { ByteBudget } from "../../base/byte-budget.ts";
import type { Clock } from "../../base/clock.ts";
import { forEachConcurrently } from "../../base/pool.ts";
import { type RetryPolicy, retryTransient } from "../../base/retry.ts";
import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import { openBody } from "../checked-body.ts";
import type { ByteRange, DriverTraits, ObjectInfo, StorageDriver } from "../driver.ts";
import { ObjectExistsError, ObjectNotFoundError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import type { SftpConnection } from "./connection.ts";
import { abortable, SftpConnections } from "./connections.ts";
import { openDownload } from "./download.ts";
import { hasStatus, STATUS, toStorageError } from "./errors.ts";
import { removeEmptyFolders } from "./folders.ts";
import { infoOf, listFiles, readEntries, splitFolder } from "./listing.ts";
import { login } from "./login.ts";
import { placeFile } from "./place.ts";
import { type FileFacts, pathFacts, removeFile } from "./requests.ts";
import type { SftpSettings } from "./settings.ts";
import { proveBase, type SftpStore, type StoredFile } from "./store.ts";
import { TemporaryFile, WRITE_WINDOW_BYTES } from "./upload.ts";

export interface SftpOptions {
  readonly budget: ByteBudget;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** Without an answer for so long, a connection has failed. */
  readonly idleTimeoutMs: number;
}

/** Removals under way at once on one connection. */
const DELETES_AT_ONCE = 16;

/** A directory of an SSH server, by SFTP. Nothing is sent before the first call. */
export class SftpDriver implements StorageDriver {
  readonly name: string;
  readonly traits: DriverTraits;
  readonly #store: SftpStore;
  readonly #root: string;

  constructor(settings: SftpSettings, options: SftpOptions) {
    const { base, below, name, connectionsMax } = settings;
    this.name = name;
    this.traits = {
      atomicPut: true,
      conditionalPut: true,
      listsByPrefix: false,
      connectionsMax,
      deleteBatchMax: 1000,
      retriesPut: true,
    };
    this.#root = below === "" ? base : `${base}/${below}`;
    const open = (signal: AbortSignal) => login(settings, { ...options, signal });
    const connections = new SftpConnections(open, connectionsMax);
    this.#store = { ...options, name, base, connections };
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const { ifAbsent, signal } = options;
    const { policy, budget } = this.#store;
    signal.throwIfAborted();
    if (ifAbsent) await retryTransient(policy, signal, () => this.#requireAbsent(key, signal));
    const leasedBytes = Math.min(WRITE_WINDOW_BYTES, body.sizeBytes ?? WRITE_WINDOW_BYTES);
    using _ = await budget.lease(leasedBytes, signal);
    const file = this.#fileOf(key);
    const temporary = new TemporaryFile(this.#store, file, signal);
    try {
      const facts = await temporary.write(openBody(body, { storage: this.name, key, signal }));
      await this.#place(file, temporary.path, options);
      return infoOf(key, facts);
    } catch (error) {
      await temporary.discard();
      throw error;
    }
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    options.signal.throwIfAborted();
    return await this.#translated(key, options.signal, () =>
      openDownload(this.#store, this.#fileOf(key), options),
    );
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    const facts = await this.#on(key, signal, async (connection) => {
      const found = await pathFacts(connection, this.#pathOf(key));
      if (found !== undefined && found.kind !== "directory") return found;
      await proveBase(this.#store, connection);
      throw new ObjectNotFoundError({ storage: this.name, key });
    });
    return infoOf(key, facts);
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    const { after, signal } = options;
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    const read = (path: string) => this.#readEntries(path, signal);
    for await (const info of listFiles(read, folder, { prefix, after })) {
      signal.throwIfAborted();
      yield info;
    }
  }

  async listFolder(folder: string, signal: AbortSignal) {
    const path = folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
    return splitFolder(path, await this.#readEntries(path, signal));
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const [only] = keys.length === 1 ? keys : [];
    await this.#on(only, signal, async (connection) => {
      const parents = new Set<string>();
      const remove = async (key: ObjectKey) => {
        if (await this.#remove(connection, key)) parents.add(dirname(this.#pathOf(key)));
      };
      await forEachConcurrently(keys, { concurrencyMax: DELETES_AT_ONCE, signal }, remove);
      for (const parent of parents) await removeEmptyFolders(connection, parent, this.#root);
    });
  }

  async close(): Promise<void> {
    this.#store.connections.close();
  }

  #pathOf(key: ObjectKey): string {
    return `${this.#root}/${key}`;
  }

  #fileOf(key: ObjectKey): StoredFile {
    return { key, path: this.#pathOf(key) };
  }

  /** Saves the upload of what would be refused; the decision is made when the name is given. */
  async #requireAbsent(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const found = await this.#on(key, signal, (connection) =>
      pathFacts(connection, this.#pathOf(key)),
    );
    if (found !== undefined) throw new ObjectExistsError({ storage: this.name, key });
  }

  async #place(
    file: StoredFile,
    temporaryPath: string,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { policy, connections } = this.#store;
    const { signal } = options;
    // Not given up half-way: who is told that it failed must not find the object.
    await retryTransient(policy, signal, (attempt) =>
      this.#translated(file.key, signal, async () => {
        using borrowed = await connections.borrow(signal);
        const { connection } = borrowed;
        const isRepeated = attempt > 1;
        const placing = { store: this.#store, connection, file, temporaryPath, isRepeated };
        await placeFile(placing, options);
      }),
    );
  }

  async #readEntries(folder: string, signal: AbortSignal) {
    const key = folder === "" ? undefined : folder;
    return this.#on(key, signal, async (connection) => {
      const entries = await readEntries(connection, this.#root, folder);
      if (entries.length === 0) await proveBase(this.#store, connection);
      return entries;
    });
  }

  /** false: there was no such object. */
  async #remove(connection: SftpConnection, key: ObjectKey): Promise<boolean> {
    const path = this.#pathOf(key);
    try {
      return await removeFile(connection, path);
    } catch (error) {
      if (!hasStatus(error, STATUS.failure)) throw error;
      // A folder is no object, and servers refuse to unlink it without saying why.
      const facts: FileFacts | undefined = await pathFacts(connection, path);
      if (facts !== undefined && facts.kind !== "directory") throw error;
      return false;
    }
  }

  /** Work of one connection; what fails becomes an error of ours. */
  #on<T>(
    key: string | undefined,
    signal: AbortSignal,
    work: (connection: SftpConnection) => Promise<T>,
  ): Promise<T> {
    return this.#translated(key, signal, async () => {
      using borrowed = await this.#store.connections.borrow(signal);
      return await abortable(work(borrowed.connection), signal);
    });
  }

  async #translated<T>(
    key: string | undefined,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw toStorageError(error, { storage: this.name, key });
    }
  }
}
