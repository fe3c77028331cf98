// What writing an object returns was measured on the bytes that the storage got: through codec and
// cipher, after a retry as well, and errors of source and storage come out as they were.
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import type { StorageDriver } from "../../../src/storage/driver.ts";
import { ObjectExistsError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { type ByteSource, bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { writeDocument, writeObject } from "../../../src/transfer/object-writer.ts";
import { aesCipher } from "../../support/aes-cipher.ts";
import { memoryRepository } from "../../support/memory-repository.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const NEVER = new AbortController().signal;
const KEY = "basebackups_005/x/tar_partitions/part_001.tar";

async function storedBytes(driver: StorageDriver, key: string): Promise<Uint8Array> {
  return await collect(await driver.get(toObjectKey(key), { signal: NEVER }), 1e9);
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Puts twice, as a retry does: the first attempt reads some of the body and gives it up. */
function retryingOnce(inner: StorageDriver): StorageDriver {
  const once: StorageDriver["put"] = async (key, body, options) => {
    for await (const _chunk of body.open(options.signal)) break;
    return await inner.put(key, body, options);
  };
  return new Proxy(inner, {
    get: (target, key) => {
      const value: unknown = key === "put" ? once : Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("an object", () => {
  test.each(["none", "zstd", "lz4", "brotli"] as const)(
    "%s: sizes and hash are the stored bytes'",
    async (codec) => {
      for (const sizeBytes of [0, 1, 3_000_000]) {
        const repository = await memoryRepository(codec);
        const content = pageLike(sizeBytes, 1);
        const source = bytesSource(content);
        let passed = 0;
        const stored = await writeObject(repository, {
          key: KEY,
          source,
          ifAbsent: false,
          signal: NEVER,
          onPlainBytes: (bytes) => {
            passed += bytes;
          },
        });
        const bytes = await storedBytes(repository.driver, KEY);
        expect(stored).toEqual({
          key: KEY,
          plainBytes: sizeBytes,
          storedBytes: bytes.byteLength,
          storedSha256: sha256(bytes),
          codec,
          cipherKeyId: "",
        });
        expect(passed).toBe(sizeBytes);
      }
    },
  );

  test("is compressed, then encrypted, and carries the key's id", async () => {
    const cipher = aesCipher(new Uint8Array(32).fill(9));
    const repository = { ...(await memoryRepository("zstd")), cipher };
    const content = pageLike(100_000, 2);
    const stored = await writeObject(repository, {
      key: KEY,
      source: bytesSource(content),
      ifAbsent: false,
      signal: NEVER,
    });
    expect(stored.cipherKeyId).toBe(cipher.keyId);
    const bytes = await storedBytes(repository.driver, KEY);
    const plain = await collect(
      (await repository.codecFor("zstd")).decompress(
        cipher.decrypt(bytesSource(bytes).open(NEVER)),
      ),
      1e9,
    );
    expect(Buffer.from(plain).equals(content)).toBe(true);
  });

  test("that took a retry is measured on what was stored in the end", async () => {
    const driver = new MemoryDriver(SYSTEM_CLOCK);
    const repository = await memoryRepository("none", retryingOnce(driver));
    const content = pageLike(50_000, 3);
    const request = { key: KEY, source: bytesSource(content), ifAbsent: false, signal: NEVER };
    const expected = { storedBytes: 50_000, plainBytes: 50_000, storedSha256: sha256(content) };
    expect(await writeObject(repository, request)).toMatchObject(expected);
    expect(await writeDocument(repository.driver, request)).toMatchObject(expected);
  });

  test("that exists is left alone when it must", async () => {
    const repository = await memoryRepository("none");
    const write = (text: string) =>
      writeObject(repository, {
        key: KEY,
        source: bytesSource(text),
        ifAbsent: true,
        signal: NEVER,
      });
    await write("first");
    await expect(write("second")).rejects.toThrow(ObjectExistsError);
    expect(new TextDecoder().decode(await storedBytes(repository.driver, KEY))).toBe("first");
  });

  test("cannot be written by a codec that only reads", async () => {
    const repository = await memoryRepository("gzip");
    const request = { key: KEY, source: bytesSource("x"), ifAbsent: false, signal: NEVER };
    await expect(writeObject(repository, request)).rejects.toThrow(ConfigError);
  });

  test("whose source fails or is aborted is not there, and the reason stays", async () => {
    const repository = await memoryRepository("zstd");
    const broken = new Error("the disk is gone");
    const source: ByteSource = {
      sizeBytes: undefined,
      replayable: false,
      async *open() {
        yield new Uint8Array(100_000);
        throw broken;
      },
    };
    const request = { key: KEY, source, ifAbsent: false, signal: NEVER };
    await expect(writeObject(repository, request)).rejects.toBe(broken);
    const signal = AbortSignal.abort(new Error("stop"));
    const aborted = writeObject(repository, { ...request, source: bytesSource("x"), signal });
    await expect(aborted).rejects.toThrow("stop");
    await expect(storedBytes(repository.driver, KEY)).rejects.toThrow("not found");
  });
});

test("a document is stored as it is", async () => {
  const { driver } = await memoryRepository("zstd");
  const source = bytesSource('{"a":1}');
  const stored = await writeDocument(driver, { key: KEY, source, ifAbsent: false, signal: NEVER });
  expect(stored).toMatchObject({ plainBytes: 7, storedBytes: 7, codec: "none", cipherKeyId: "" });
  expect(new TextDecoder().decode(await storedBytes(driver, KEY))).toBe('{"a":1}');
});
