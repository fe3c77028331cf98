// Reading gives back what was written, through cipher and codec; with a receipt every cut and every
// flipped byte of the stored object is an error that names it, whatever the codec lets pass.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { SILENT_LOGGER } from "../../../src/base/log.ts";
import { openLibsodiumCipher, transformKey } from "../../../src/cipher/libsodium.ts";
import type { CodecName } from "../../../src/codec/codec.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { readObject } from "../../../src/transfer/object-reader.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import type { StoredObject } from "../../../src/transfer/stored-part.ts";
import { aesCipher } from "../../support/aes-cipher.ts";
import { memoryRepository } from "../../support/memory-repository.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const NEVER = new AbortController().signal;
const KEY = "basebackups_005/x/tar_partitions/part_001.tar.x";

async function setUp(codec: CodecName, isEncrypted: boolean, sizeBytes = 3000) {
  const plain = await memoryRepository(codec);
  const repository = isEncrypted
    ? { ...plain, cipher: aesCipher(new Uint8Array(32).fill(9)) }
    : plain;
  const content = pageLike(sizeBytes, 5);
  const source = bytesSource(content);
  const stored = await writeObject(repository, {
    key: KEY,
    source,
    ifAbsent: false,
    signal: NEVER,
  });
  const read = async (expected?: StoredObject) => {
    const stream = await readObject(repository, { key: KEY, codec, expected, signal: NEVER });
    return Buffer.from(await collect(stream, 1e9));
  };
  const replace = (bytes: Uint8Array) =>
    repository.driver.put(toObjectKey(KEY), bytesSource(bytes), { ifAbsent: false, signal: NEVER });
  const bytes = await collect(
    await repository.driver.get(toObjectKey(KEY), { signal: NEVER }),
    1e9,
  );
  return { content, stored, read, replace, bytes: new Uint8Array(bytes) };
}

test("a wrong key is an error that names the object", async () => {
  const repository = await memoryRepository("zstd");
  const keyed = (text: string) =>
    openLibsodiumCipher(transformKey(Buffer.from(text), "none"), { log: SILENT_LOGGER });
  const writer = keyed("the first key, long enough for all");
  const reader = keyed("the other key, long enough for all");
  const source = bytesSource(pageLike(3000, 5));
  await writeObject(
    { ...repository, cipher: writer },
    { key: KEY, source, ifAbsent: false, signal: NEVER },
  );
  const other = { ...repository, cipher: reader };
  const stream = await readObject(other, { key: KEY, codec: "zstd", signal: NEVER });
  await expect(collect(stream, 1e9)).rejects.toMatchObject({
    code: "wrong-key",
    message: `${KEY}: key ${reader.keyId} does not open it`,
  });
});

const CASES: readonly (readonly [CodecName, boolean])[] = [
  ["none", false],
  ["zstd", false],
  ["lz4", false],
  ["none", true],
  ["zstd", true],
];

describe.each(CASES)("%s, encrypted: %s", (codec, isEncrypted) => {
  test("gives back what was written, with a receipt and without", async () => {
    for (const sizeBytes of [0, 1, 2_000_000]) {
      const { content, stored, read } = await setUp(codec, isEncrypted, sizeBytes);
      expect((await read()).equals(content)).toBe(true);
      expect((await read(stored)).equals(content)).toBe(true);
    }
  });

  test("every cut is an error that names the object", async () => {
    const { stored, read, replace, bytes } = await setUp(codec, isEncrypted);
    for (let end = 0; end < bytes.byteLength; end += 1) {
      await replace(bytes.slice(0, end));
      const failure = await read(stored).catch((error: unknown) => error);
      expect(failure, `${end} bytes`).toBeInstanceOf(Error);
      if (failure instanceof CorruptObjectError) expect(failure.message).toContain(KEY);
    }
  });

  test("every flipped byte, and one too many, is an error", async () => {
    const { stored, read, replace, bytes } = await setUp(codec, isEncrypted);
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await replace(flipped);
      await expect(read(stored), `byte ${at}`).rejects.toThrow();
    }
    await replace(Buffer.concat([bytes, new Uint8Array(1)]));
    await expect(read(stored)).rejects.toThrow();
  });
});

test.each([
  ["plainBytes", "plain size is 3000, the receipts say 3001"],
  ["storedBytes", "stored size is 3000, the receipts say 3001"],
] as const)("a receipt with another %s is told in words", async (field, message) => {
  const { stored, read } = await setUp("none", false);
  const failure = await read({ ...stored, [field]: 3001 }).catch((error: unknown) => error);
  expect(String(failure)).toContain(`${KEY}: ${message}`);
});

test("an object that is absent is an error before any byte", async () => {
  const repository = await memoryRepository("none");
  const reading = readObject(repository, { key: "gone", codec: "none", signal: NEVER });
  await expect(reading).rejects.toThrow("not found");
});
