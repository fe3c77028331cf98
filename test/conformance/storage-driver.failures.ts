// Proves what holds when a call is aborted or a body fails (7 to 10) as part of the common suite.
import { expect } from "vitest";
import { ToolError } from "../../src/base/errors.ts";
import { ObjectNotFoundError, StorageError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { type ByteSource, bytesSource } from "../../src/stream/byte-stream.ts";
import {
  endlessSource,
  listed,
  NEVER,
  pattern,
  put,
  read,
  type StorageSuite,
  type StorageTest,
} from "./storage-driver.calls.ts";

export function testAborts(test: StorageTest, suite: StorageSuite): void {
  test("7: a signal aborted before the call changes nothing", async (driver) => {
    const kept = toObjectKey("g7/kept.bin");
    await put(driver, kept, pattern(10, 1));
    const reason = new Error("stopped before");
    const signal = AbortSignal.abort(reason);
    const fresh = toObjectKey("g7/fresh.bin");
    const body = bytesSource(pattern(10, 2));
    for (const call of [
      driver.put(fresh, body, { ifAbsent: false, signal }),
      driver.put(fresh, body, { ifAbsent: true, signal }),
      driver.get(kept, { signal }),
      driver.stat(kept, signal),
      driver.delete([kept], signal),
      driver.listFolder("g7", signal),
      listed(driver, "g7/", undefined, signal),
    ]) {
      await expect(call).rejects.toBe(reason);
    }
    expect((await listed(driver, "g7/")).map((info) => info.key)).toEqual([kept]);
  });

  for (const afterBytes of [1, suite.multipartBytes]) {
    test(`7: aborted during put, after ${afterBytes} bytes, no object is left`, async (driver) => {
      for (const ifAbsent of [false, true]) {
        const key = toObjectKey(`g7-during/${afterBytes}-${ifAbsent}.bin`);
        const stop = new AbortController();
        const reason = new Error("stopped during");
        const body = endlessSource((sentBytes) => {
          if (sentBytes > afterBytes) stop.abort(reason);
        });
        const put = driver.put(key, body, { ifAbsent, signal: stop.signal });
        await expect(put).rejects.toBe(reason);
        await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
        expect(await listed(driver, "g7-during/")).toEqual([]);
      }
    });
  }

  test("7: aborted during get, the stream throws the reason", async (driver) => {
    const key = toObjectKey("g7/read.bin");
    await put(driver, key, pattern(suite.multipartBytes, 3));
    const stop = new AbortController();
    const reason = new Error("stopped reading");
    const reading = (async () => {
      for await (const chunk of await driver.get(key, { signal: stop.signal })) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        stop.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
  });
}

export function testBodies(test: StorageTest, suite: StorageSuite): void {
  for (const afterBytes of [0, 1000, suite.multipartBytes]) {
    test(`8: a body that fails after ${afterBytes} bytes fails put as it was`, async (driver) => {
      const key = toObjectKey(`g8/${afterBytes}.bin`);
      const failure = new Error("the source broke");
      const body = endlessSource((sentBytes) => {
        if (sentBytes >= afterBytes) throw failure;
      });
      for (const ifAbsent of [false, true]) {
        const put = driver.put(key, body, { ifAbsent, signal: NEVER });
        await expect(put).rejects.toBe(failure);
        await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
      }
    });
  }

  test("8: a failed put leaves the object that was there", async (driver) => {
    const key = toObjectKey("g8/old.bin");
    await put(driver, key, pattern(100, 1));
    const body = endlessSource((sentBytes) => {
      if (sentBytes > 1000) throw new Error("the source broke");
    });
    await expect(driver.put(key, body, { ifAbsent: false, signal: NEVER })).rejects.toThrow(
      "the source broke",
    );
    expect(await read(driver, key)).toEqual(pattern(100, 1));
  });

  test("8: a body of another size than promised is refused", async (driver) => {
    const key = toObjectKey("g8/lying.bin");
    for (const sizeBytes of [99, 101]) {
      const honest = bytesSource(pattern(100, 1));
      const body: ByteSource = { ...honest, sizeBytes };
      const put = driver.put(key, body, { ifAbsent: false, signal: NEVER });
      await expect(put).rejects.toBeInstanceOf(StorageError);
      await expect(driver.stat(key, NEVER)).rejects.toBeInstanceOf(ObjectNotFoundError);
    }
  });

  test("9: rejections are storage errors that name storage and object", async (driver) => {
    const key = toObjectKey("g9/absent.bin");
    const error = await driver.stat(key, NEVER).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toBeInstanceOf(ToolError);
    expect(error).toMatchObject({ isTransient: false });
    expect(String(error)).toContain(`${driver.name}/${key}`);
  });

  for (const sizeBytes of [0, 1, suite.multipartBytes, suite.multipartBytes + 1]) {
    test(`10: an object of ${sizeBytes} bytes, of known and unknown size`, async (driver) => {
      const bytes = pattern(sizeBytes, 12);
      for (const isKnown of [true, false]) {
        const key = toObjectKey(`g10/${sizeBytes}-${isKnown}.bin`);
        const body: ByteSource = {
          sizeBytes: isKnown ? sizeBytes : undefined,
          replayable: false,
          async *open() {
            for (let offset = 0; offset < sizeBytes; offset += 65_537) {
              yield bytes.slice(offset, offset + 65_537);
            }
          },
        };
        const info = await driver.put(key, body, { ifAbsent: isKnown, signal: NEVER });
        expect(info.sizeBytes).toBe(sizeBytes);
        expect((await driver.stat(key, NEVER)).sizeBytes).toBe(sizeBytes);
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      }
    });
  }
}
