import type { Clock } from "../../base/clock.ts";
import type { LogFacts, Logger } from "../../base/log.ts";
import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import type { ByteRange, ObjectInfo, StorageDriver } from "../driver.ts";
import type { ObjectKey } from "../object-key.ts";

/** One debug line for each call that succeeded; a failure is its caller's to tell. */
export function logged(driver: StorageDriver, log: Logger, clock: Clock): StorageDriver {
  return new LoggedDriver(driver, log, clock);
}

class LoggedDriver implements StorageDriver {
  readonly name: string;
  readonly traits: StorageDriver["traits"];
  readonly #inner: StorageDriver;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(inner: StorageDriver, log: Logger, clock: Clock) {
    this.name = inner.name;
    this.traits = inner.traits;
    this.#inner = inner;
    this.#log = log;
    this.#clock = clock;
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    const tell = this.#start("put", { key });
    const info = await this.#inner.put(key, body, options);
    tell({ bytes: info.sizeBytes });
    return info;
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    const { range } = options;
    const tell = this.#start("get", { key, offset: range?.offset, length: range?.length });
    const stream = await this.#inner.get(key, options);
    tell({});
    return stream;
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    const tell = this.#start("stat", { key });
    const info = await this.#inner.stat(key, signal);
    tell({ bytes: info.sizeBytes });
    return info;
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    const tell = this.#start("list", { prefix, after: options.after });
    let objects = 0;
    for await (const info of this.#inner.list(prefix, options)) {
      objects += 1;
      yield info;
    }
    tell({ objects });
  }

  async listFolder(folder: string, signal: AbortSignal) {
    const tell = this.#start("list folder", { folder });
    const listing = await this.#inner.listFolder(folder, signal);
    tell({ objects: listing.objects.length, folders: listing.folders.length });
    return listing;
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const tell = this.#start("delete", { objects: keys.length, first: keys[0] });
    await this.#inner.delete(keys, signal);
    tell({});
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #start(operation: string, facts: LogFacts): (results: LogFacts) => void {
    const startMs = this.#clock.monotonicMs();
    return (results) => {
      const tookMs = Math.round(this.#clock.monotonicMs() - startMs);
      this.#log.debug(`${this.name}: ${operation}`, { ...facts, ...results, tookMs });
    };
  }
}
