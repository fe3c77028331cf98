import type { ByteBudget } from "../../base/byte-budget.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { RetryPolicy } from "../../base/retry.ts";
import type { ByteSource, ByteStream } from "../../stream/byte-stream.ts";
import type { ByteRange, DriverTraits, ObjectInfo, StorageDriver } from "../driver.ts";
import { StorageUnavailableError } from "../errors.ts";
import { compareKeys } from "../key-order.ts";
import { type ObjectKey, toObjectKey } from "../object-key.ts";
import type { ListPage, ObjectApi } from "./api.ts";
import { type ErrorDialect, ServiceError } from "./errors.ts";
import { ObjectReader } from "./object-reader.ts";
import { ObjectWriter } from "./object-writer.ts";
import type { PartSizing } from "./part-size.ts";

export interface ServiceDriverOptions {
  /** `s3://bucket/path`: for logs, never a secret. */
  readonly name: string;
  /** Before every key: empty, or ends with "/". */
  readonly keyPrefix: string;
  readonly api: ObjectApi;
  readonly budget: ByteBudget;
  readonly sizing: PartSizing;
  readonly errors: ErrorDialect;
  /** The settings that allow larger parts: for the hint when an object is too large. */
  readonly partSizeSetting: string;
  readonly policy: RetryPolicy;
  readonly resumesMax: number;
  readonly connectionsMax: number;
  readonly deleteBatchMax: number;
  /** true: the service is known to honour conditions on writes. */
  readonly conditionalPut: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A bucket or container of an object service, by the calls of its protocol. */
export class ServiceDriver implements StorageDriver {
  readonly name: string;
  readonly traits: DriverTraits;
  readonly #options: ServiceDriverOptions;
  readonly #reader: ObjectReader;
  readonly #writer: ObjectWriter;
  /** S3 answers 404 to a HEAD of an absent bucket as of an absent object; other answers tell. */
  #isBucketProven = false;

  constructor(options: ServiceDriverOptions) {
    this.name = options.name;
    this.traits = {
      atomicPut: true,
      conditionalPut: options.conditionalPut,
      listsByPrefix: true,
      connectionsMax: options.connectionsMax,
      deleteBatchMax: options.deleteBatchMax,
      retriesPut: true,
    };
    this.#options = options;
    this.#reader = new ObjectReader(options);
    this.#writer = new ObjectWriter(options);
  }

  async put(
    key: ObjectKey,
    body: ByteSource,
    options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
  ): Promise<ObjectInfo> {
    options.signal.throwIfAborted();
    const info = await this.#writer.write(key, body, options);
    this.#isBucketProven = true;
    return info;
  }

  async get(
    key: ObjectKey,
    options: { readonly range?: ByteRange; readonly signal: AbortSignal },
  ): Promise<ByteStream> {
    options.signal.throwIfAborted();
    const stream = await this.#reader.read(key, options);
    this.#isBucketProven = true;
    return stream;
  }

  async stat(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo> {
    signal.throwIfAborted();
    try {
      const facts = await this.#options.api.headObject(this.#nameOf(key), signal);
      this.#isBucketProven = true;
      return { key, sizeBytes: facts.sizeBytes, modifiedAt: facts.modifiedAt };
    } catch (error) {
      const { errors } = this.#options;
      // An answer without a code leaves open what is absent.
      const isOpen = error instanceof ServiceError && error.code === "" && !this.#isBucketProven;
      if (isOpen && errors.isNotFound(error)) await this.#proveBucket(key, signal);
      throw errors.toStorageError(error, { storage: this.name, key });
    }
  }

  async *list(
    prefix: string,
    options: { readonly after?: ObjectKey; readonly signal: AbortSignal },
  ): AsyncIterable<ObjectInfo> {
    const after = options.after === undefined ? undefined : this.#nameOf(options.after);
    let previous: string | undefined;
    for await (const page of this.#pages(prefix, {
      delimiter: undefined,
      after,
      signal: options.signal,
    })) {
      for (const object of page.objects) {
        if (previous !== undefined && compareKeys(object.name, previous) <= 0) {
          throw this.#misordered(object.name);
        }
        previous = object.name;
        const info = this.#toInfo(object);
        if (info !== undefined) yield info;
      }
    }
  }

  async listFolder(folder: string, signal: AbortSignal) {
    const ending = folder === "" || folder.endsWith("/") ? "" : "/";
    const prefix = `${folder}${ending}`;
    const prefixLength = this.#options.keyPrefix.length + prefix.length;
    const objects: ObjectInfo[] = [];
    const folders: string[] = [];
    for await (const page of this.#pages(prefix, { delimiter: "/", after: undefined, signal })) {
      for (const object of page.objects) {
        const info = this.#toInfo(object);
        if (info !== undefined) objects.push(info);
      }
      folders.push(...page.folders.map((name) => name.slice(prefixLength, -1)));
    }
    return { objects, folders };
  }

  async delete(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { deleteBatchMax } = this.traits;
    for (let start = 0; start < keys.length; start += deleteBatchMax) {
      await this.#deleteBatch(keys.slice(start, start + deleteBatchMax), signal);
    }
  }

  async close(): Promise<void> {
    this.#options.api.close();
  }

  #nameOf(key: ObjectKey): string {
    return `${this.#options.keyPrefix}${key}`;
  }

  /** undefined: an object that is not ours, such as a folder's marker, or of a name we refuse. */
  #toInfo(object: {
    readonly name: string;
    readonly sizeBytes: number;
    readonly modifiedAt: Date;
  }): ObjectInfo | undefined {
    const { name, sizeBytes, modifiedAt } = object;
    try {
      const key = toObjectKey(name.slice(this.#options.keyPrefix.length));
      return { key, sizeBytes, modifiedAt };
    } catch {
      return undefined;
    }
  }

  /** Pages of what begins with `prefix`, which is of our keys: theirs is the bucket's. */
  async *#pages(
    prefix: string,
    options: {
      readonly delimiter: string | undefined;
      readonly after: string | undefined;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<ListPage> {
    let continueAt: string | undefined;
    do {
      options.signal.throwIfAborted();
      let page: ListPage;
      try {
        const names = { prefix: `${this.#options.keyPrefix}${prefix}`, continueAt };
        page = await this.#options.api.listPage({ ...names, ...options });
      } catch (error) {
        const key = prefix === "" ? undefined : prefix;
        throw this.#options.errors.toStorageError(error, { storage: this.name, key });
      }
      this.#isBucketProven = true;
      yield page;
      if (page.continueAt !== undefined && page.continueAt === continueAt) {
        throw this.#misordered(page.continueAt);
      }
      ({ continueAt } = page);
    } while (continueAt !== undefined);
  }

  #misordered(name: string): StorageUnavailableError {
    return new StorageUnavailableError({
      storage: this.name,
      detail: `the listing is out of order at ${name.slice(this.#options.keyPrefix.length)}`,
      isTransient: false,
      hint: "The service does not list in the order of names, which finding backups needs.",
    });
  }

  async #deleteBatch(keys: readonly ObjectKey[], signal: AbortSignal): Promise<void> {
    const names = keys.map((key) => this.#nameOf(key));
    try {
      const failures = await this.#options.api.deleteObjects(names, signal);
      const [first] = failures.filter((failure) => !failure.isAbsent);
      if (first === undefined) return;
      const key = first.name.slice(this.#options.keyPrefix.length);
      const message = `${key}: ${first.message} (${failures.length} of ${names.length})`;
      // The answer as a whole was a success; the status says only what kind of failure this is.
      throw new ServiceError({ status: 200, code: first.code, message });
    } catch (error) {
      if (this.#options.errors.isNotFound(error)) return;
      throw this.#options.errors.toStorageError(error, {
        storage: this.name,
        key: keys.length === 1 ? keys[0] : undefined,
      });
    }
  }

  /** Throws when there is no such bucket: then nothing may be said about the object. */
  async #proveBucket(key: ObjectKey, signal: AbortSignal): Promise<void> {
    try {
      const name = this.#nameOf(key);
      const request = { name, range: undefined, ifMatch: undefined, signal };
      const { body } = await this.#options.api.getObject(request);
      await body[Symbol.asyncIterator]().return?.();
    } catch (error) {
      if (!this.#options.errors.isNotFound(error))
        throw this.#options.errors.toStorageError(error, { storage: this.name, key });
    }
    this.#isBucketProven = true;
  }
}
