// What may be stored under each name when calls fail on their way: a put or delete that failed may
// have been done or not, and everything that is read or listed has to be one of the possible.
import { expect } from "vitest";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { ObjectExistsError, ObjectNotFoundError, StorageError } from "../../src/storage/errors.ts";
import type { ObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { listed, NEVER, put, read } from "./storage-driver.calls.ts";

/** Many times what the longest call takes with all its repetitions. */
const CALL_TIMEOUT_MS = 60_000;

export class StorageModel {
  readonly #driver: StorageDriver;
  readonly #possible = new Map<ObjectKey, readonly (Uint8Array | undefined)[]>();

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  /** Stores the bytes; whether it was told to be done. */
  async put(key: ObjectKey, bytes: Uint8Array, ifAbsent: boolean): Promise<boolean> {
    const options = { ifAbsent, signal: NEVER };
    try {
      await ended(this.#driver.put(key, bytesSource(bytes), options));
    } catch (error) {
      this.#expectClear(error);
      if (error instanceof ObjectExistsError) {
        expect(ifAbsent).toBe(true);
        const old = this.#of(key).filter((possible) => possible !== undefined);
        expect(old.length).toBeGreaterThan(0);
        this.#possible.set(key, old);
      } else this.#possible.set(key, [...this.#of(key), bytes]);
      return false;
    }
    // Whoever was told "stored" must not have overwritten anything that surely was there.
    if (ifAbsent) expect(this.#of(key)).toContain(undefined);
    this.#possible.set(key, [bytes]);
    return true;
  }

  /** Reads the object, whole or not at all; whether an answer came. */
  async check(key: ObjectKey): Promise<boolean> {
    let found: Uint8Array | undefined;
    try {
      found = await ended(read(this.#driver, key));
    } catch (error) {
      this.#expectClear(error);
      if (!(error instanceof ObjectNotFoundError)) return false;
    }
    expect(this.#of(key).some((bytes) => Bun.deepEquals(bytes, found))).toBe(true);
    this.#possible.set(key, [found]);
    return true;
  }

  async delete(key: ObjectKey): Promise<boolean> {
    try {
      await ended(this.#driver.delete([key], NEVER));
    } catch (error) {
      this.#expectClear(error);
      this.#possible.set(key, [...this.#of(key), undefined]);
      return false;
    }
    this.#possible.set(key, [undefined]);
    return true;
  }

  /** A listing is whole or an error: every name that is surely there, once and in order. */
  async list(prefix: string): Promise<boolean> {
    let found: readonly ObjectKey[];
    try {
      found = (await ended(listed(this.#driver, prefix))).map(({ key }) => key);
    } catch (error) {
      this.#expectClear(error);
      return false;
    }
    const isThere = (key: ObjectKey) => this.#of(key).some((bytes) => bytes !== undefined);
    const sure = [...this.#possible.keys()].filter((key) => !this.#of(key).includes(undefined));
    expect(found).toEqual(expect.arrayContaining(sure));
    expect(found).toEqual([...new Set(found)].sort());
    expect(found.filter((key) => !isThere(key))).toEqual([]);
    return true;
  }

  /** Whatever is asked of a driver that reaches nobody is an error, and never an absence. */
  async mustFail(driver: StorageDriver, key: ObjectKey, bytes: Uint8Array): Promise<void> {
    const calls: readonly (() => Promise<unknown>)[] = [
      () => put(driver, key, bytes),
      () => read(driver, key),
      () => driver.delete([key], NEVER),
      () => listed(driver, ""),
    ];
    for (const call of calls) {
      const error = await ended(call()).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      this.#expectClear(error);
      expect(error).toMatchObject({ code: "storage", isTransient: true });
    }
  }

  /** With nothing in the way any more: every object is read, and the listing has just them. */
  async settle(prefix: string): Promise<void> {
    const keys = [...this.#possible.keys()].sort();
    for (const key of keys) expect(await this.check(key)).toBe(true);
    const names = (await listed(this.#driver, prefix)).map(({ key }) => key);
    expect(names).toEqual(keys.filter((key) => this.#of(key)[0] !== undefined));
  }

  /** One line that names the storage. */
  #expectClear(error: unknown): void {
    if (!(error instanceof StorageError)) throw error;
    const place = this.#driver.name.slice(0, this.#driver.name.indexOf("://"));
    expect(error.message).toMatch(new RegExp(`^[^\\n]*${place}://[^\\n]+$`));
  }

  #of(key: ObjectKey): readonly (Uint8Array | undefined)[] {
    return this.#possible.get(key) ?? [undefined];
  }
}

/** The call, which is an error of its own when it hangs. */
async function ended<T>(call: Promise<T>): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the call hangs")), CALL_TIMEOUT_MS);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
