import { type BackupName, toBackupName } from "../../src/catalog/backup-name.ts";
import type {
  BackupAdapter,
  BackupPart,
  BackupRequest,
  BackupSession,
} from "../../src/database/adapter.ts";
import type { ObjectInfo, StorageDriver } from "../../src/storage/driver.ts";
import type { ObjectKey } from "../../src/storage/object-key.ts";
import { type ByteSource, bytesSource } from "../../src/stream/byte-stream.ts";

export const SCRIPTED_NAME: BackupName = toBackupName("base_000000010000000000000002");

export interface BackupScript {
  /** Told of each step. */
  readonly events: string[];
  readonly failsIn?: "parts" | "source" | "finish" | "journal" | "describe";
  readonly error?: Error;
  /** Parts that go on until they are aborted. */
  readonly isEndless?: boolean;
  /** A part is given out when the one before it was read, as from a stream. */
  readonly isStream?: boolean;
  readonly onFinish?: () => Promise<void>;
  readonly onDescribe?: () => Promise<void>;
  readonly checkJournal?: (name: string, head: Uint8Array) => void;
}

/** A database of three parts of ten bytes, which does what the script says. */
export class ScriptedBackup implements BackupAdapter {
  readonly kind = "postgres";
  /** Resolves when the first byte of a part was read. */
  readonly reading: Promise<void>;
  readonly #script: BackupScript;
  readonly #reading = Promise.withResolvers<void>();
  readonly #loss = Promise.withResolvers<never>();

  constructor(script: BackupScript) {
    this.#script = script;
    this.reading = this.#reading.promise;
    this.#loss.promise.catch(() => {});
  }

  lose(error: Error): void {
    this.#loss.reject(error);
  }

  async beginBackup({ signal }: BackupRequest): Promise<BackupSession> {
    const { events, checkJournal, onFinish, onDescribe } = this.#script;
    events.push("begin");
    return {
      name: SCRIPTED_NAME,
      lost: this.#loss.promise,
      totalBytes: 30,
      firstJournal: "000000010000000000000002",
      ...(checkJournal === undefined ? {} : { checkJournal }),
      parts: () => this.#parts(signal),
      finish: async () => {
        events.push("finish");
        this.#failIn("finish");
        await onFinish?.();
        return [this.#part("pg_control"), this.#part("backup_label")];
      },
      journalNeeded: () => {
        this.#failIn("journal");
        return ["000000010000000000000002", "000000010000000000000003"];
      },
      describe: async () => {
        events.push("describe");
        this.#failIn("describe");
        await onDescribe?.();
        return {
          documents: ["metadata.json", "files_metadata.json"].map((name) => ({
            name,
            content: bytesSource("{}"),
          })),
          sentinel: { LSN: 1n },
        };
      },
      [Symbol.asyncDispose]: async () => {
        events.push("dispose");
      },
    };
  }

  async *#parts(signal: AbortSignal): AsyncGenerator<BackupPart> {
    for (let number = 1; number <= 3; number += 1) {
      if (number === 2) this.#failIn("parts");
      yield this.#part(`part_00${number}`);
      while (this.#script.isStream === true && !signal.aborted) await Bun.sleep(1);
    }
  }

  #part(name: string): BackupPart {
    return {
      name: `tar_partitions/${name}.tar`,
      source: name.startsWith("part") ? this.#source() : bytesSource("0123456789"),
      entries: () => [],
    };
  }

  #source(): ByteSource {
    const { isEndless } = this.#script;
    const began = () => this.#reading.resolve();
    const failIn = () => this.#failIn("source");
    return {
      sizeBytes: undefined,
      replayable: false,
      async *open(signal) {
        began();
        yield new TextEncoder().encode("01234");
        failIn();
        while (isEndless === true) {
          await Bun.sleep(1);
          signal.throwIfAborted();
          yield new Uint8Array(1);
        }
        yield new TextEncoder().encode("56789");
      },
    };
  }

  #failIn(step: BackupScript["failsIn"]): void {
    if (this.#script.failsIn === step) throw this.#script.error ?? new Error(step);
  }
}

export interface PutFailure {
  /** Whether the storage has the object all the same. */
  readonly when: "before" | "after";
  readonly error: Error;
}

/** Tells in which order a storage is asked, and lets single writes fail. */
export class WatchedDriver implements StorageDriver {
  readonly inner: StorageDriver;
  /** `put`, `delete`, `list` and `stat` with the key, in the order of their success. */
  readonly events: string[] = [];
  fail: (key: ObjectKey) => PutFailure | undefined = () => undefined;
  failsToDelete: Error | undefined;
  /** Writes that reach the storage only some time after their abort. */
  isSlow: (key: ObjectKey) => boolean = () => false;
  #late: Promise<unknown> = Promise.resolve();
  #backMs = 0;

  constructor(inner: StorageDriver) {
    this.inner = inner;
  }

  get name(): string {
    return this.inner.name;
  }

  get traits(): StorageDriver["traits"] {
    return this.inner.traits;
  }

  /** From now on times of objects are so much earlier. */
  dateBack(backMs: number): void {
    this.#backMs = backMs;
  }

  /** When late writes are over. */
  async settled(): Promise<void> {
    await this.#late;
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const failure = this.fail(key);
    if (failure?.when === "before") throw failure.error;
    const written = this.isSlow(key)
      ? this.#putLate(key, body, options)
      : this.inner.put(key, body, options);
    this.#late = written.catch(() => {});
    const info = await written;
    this.events.push(`put ${key}`);
    if (failure !== undefined) throw failure.error;
    return info;
  }

  async #putLate(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    try {
      return await this.inner.put(key, body, options);
    } catch (error) {
      await Bun.sleep(50);
      const signal = new AbortController().signal;
      await this.inner.put(key, bytesSource("late"), { ifAbsent: false, signal });
      throw error;
    }
  }

  get(key: ObjectKey, options: { readonly signal: AbortSignal }) {
    return this.inner.get(key, options);
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    const info = await this.inner.stat(key, signal);
    this.events.push(`stat ${key}`);
    return { ...info, modifiedAt: new Date(info.modifiedAt.getTime() - this.#backMs) };
  }

  list(prefix: string, options: { readonly signal: AbortSignal }) {
    this.events.push(`list ${prefix}`);
    return this.inner.list(prefix, options);
  }

  listFolder(folder: string, signal: AbortSignal) {
    return this.inner.listFolder(folder, signal);
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    if (this.failsToDelete !== undefined) throw this.failsToDelete;
    await this.inner.delete(keys, signal);
    for (const key of keys) this.events.push(`delete ${key}`);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
