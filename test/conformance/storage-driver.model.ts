// What may be stored under each name when calls fail on their way: a put or delete that failed may
// have been done or not, and everything that is read or listed has to be one of the possible.
import { expect } from "vitest";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { ObjectExistsError, ObjectNotFoundError, StorageError } from "../../src/storage/errors.ts";
import type { ObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { listed, NEVER, read } from "./storage-driver.calls.ts";

export class StorageModel {
  readonly #driver: StorageDriver;
  readonly #possible = new Map<ObjectKey, readonly (Uint8Array | undefined)[]>();

  constructor(driver: StorageDriver) {
    this.#driver = driver;
  }

  /** Stores the bytes; whether it was told to be done. */
  async put(key: ObjectKey, bytes: Uint8Array, ifAbsent: boolean): Promise<boolean> {
    try {
      await this.#driver.put(key, bytesSource(bytes), { ifAbsent, signal: NEVER });
      // Whoever was told "stored" must not have overwritten anything that surely was there.
      if (ifAbsent) expect(this.#of(key)).toContain(undefined);
      this.#possible.set(key, [bytes]);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      if (error instanceof ObjectExistsError) {
        expect(ifAbsent).toBe(true);
        const old = this.#of(key).filter((possible) => possible !== undefined);
        expect(old.length).toBeGreaterThan(0);
        this.#possible.set(key, old);
      } else this.#possible.set(key, [...this.#of(key), bytes]);
      return false;
    }
  }

  /** Reads the object, whole or not at all; whether an answer came. */
  async check(key: ObjectKey): Promise<boolean> {
    let found: Uint8Array | undefined;
    try {
      found = await read(this.#driver, key);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      if (!(error instanceof ObjectNotFoundError)) return false;
    }
    expect(this.#of(key).some((bytes) => Bun.deepEquals(bytes, found))).toBe(true);
    this.#possible.set(key, [found]);
    return true;
  }

  async delete(key: ObjectKey): Promise<boolean> {
    try {
      await this.#driver.delete([key], NEVER);
      this.#possible.set(key, [undefined]);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      this.#possible.set(key, [...this.#of(key), undefined]);
      return false;
    }
  }

  /** A listing is whole or an error: every name that is surely there is in it, in order. */
  async list(prefix: string): Promise<boolean> {
    try {
      const found = (await listed(this.#driver, prefix)).map(({ key }) => key);
      const sure = [...this.#possible.keys()].filter((key) => !this.#of(key).includes(undefined));
      expect(found).toEqual(expect.arrayContaining(sure));
      expect(found).toEqual([...found].sort());
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      return false;
    }
  }

  /** With nothing in the way any more: every object is read, and the listing has just them. */
  async settle(prefix: string): Promise<void> {
    const keys = [...this.#possible.keys()].sort();
    for (const key of keys) expect(await this.check(key)).toBe(true);
    const names = (await listed(this.#driver, prefix)).map(({ key }) => key);
    expect(names).toEqual(keys.filter((key) => this.#of(key)[0] !== undefined));
  }

  #of(key: ObjectKey): readonly (Uint8Array | undefined)[] {
    return this.#possible.get(key) ?? [undefined];
  }
}
