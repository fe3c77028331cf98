// What every cipher has to prove: byte-exact round trips in any chunks, and an error for
// everything that is not exactly what was encrypted, with this key.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import type { Cipher } from "../../src/cipher/cipher.ts";
import { WrongKeyError } from "../../src/cipher/errors.ts";
import { type ByteStream, collect } from "../../src/stream/byte-stream.ts";
import { freedWhenRecycled } from "../../src/stream/chunk-pool.ts";
import { inChunks, incompressible, seededFractions } from "../support/sample-bytes.ts";

const LIMIT_BYTES = 1 << 28;
const MIB = 1 << 20;

export interface CipherSubject {
  readonly title: string;
  /** Ciphers of two keys that differ. */
  readonly open: () => Promise<{ readonly own: Cipher; readonly other: Cipher }>;
  /** Plain sizes around the limits of the format's chunks. */
  readonly sizes: readonly number[];
  /** Where its chunks lie when stored, or where pieces of that size can be cut. */
  /** Of how many bits and cuts one is tried: 1 is all of them, and private keys are slow. */
  readonly damageStride: number;
  readonly chunks: { readonly headBytes: number; readonly storedBytes: number };
}

export function testCipher(subject: CipherSubject): void {
  describe(subject.title, () => {
    testRoundTrips(subject);
    testDamage(subject);
    testStreamManners(subject);
  });
}

async function encrypt(cipher: Cipher, plain: Uint8Array, sizeBytesMax = 100_000) {
  const input = inChunks(plain, { sizeBytesMax, seed: 1 });
  return collect(cipher.encrypt(input), LIMIT_BYTES);
}

async function decrypt(cipher: Cipher, stored: Uint8Array, sizeBytesMax = 50_000) {
  const input = inChunks(stored, { sizeBytesMax, seed: 2 });
  return collect(cipher.decrypt(input), LIMIT_BYTES);
}

async function outcome(cipher: Cipher, stored: Uint8Array): Promise<unknown> {
  return decrypt(cipher, stored).catch((error: unknown) => error);
}

function isRefusal(result: unknown): boolean {
  return result instanceof CorruptObjectError || result instanceof WrongKeyError;
}

function testRoundTrips(subject: CipherSubject): void {
  test.each(subject.sizes)("gives back %d bytes", async (sizeBytes) => {
    const { own } = await subject.open();
    const plain = incompressible(sizeBytes, 3);
    const stored = await encrypt(own, plain);
    expect(Buffer.compare(await decrypt(own, stored), plain)).toBe(0);
  });

  test("gives back the same bytes whatever the chunks are", async () => {
    const { own } = await subject.open();
    const plain = incompressible(70_000, 4);
    for (const sizeBytesMax of [1, 17, 8192, LIMIT_BYTES]) {
      const stored = await encrypt(own, plain, sizeBytesMax);
      expect(Buffer.compare(await decrypt(own, stored, sizeBytesMax), plain)).toBe(0);
    }
  });

  test("encrypts the same bytes to others each time, and none of them are plain", async () => {
    const { own } = await subject.open();
    const plain = Buffer.from("a secret that must not be seen ".repeat(2000));
    const [first, second] = [await encrypt(own, plain), await encrypt(own, plain)];
    expect(Buffer.compare(first, second)).not.toBe(0);
    expect(Buffer.from(first).includes("must not be seen")).toBe(false);
  });

  test("does many objects at once", async () => {
    const { own } = await subject.open();
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const plain = incompressible(MIB + index * 999, index);
        expect(Buffer.compare(await decrypt(own, await encrypt(own, plain)), plain)).toBe(0);
      }),
    );
  });

  test("names its key by a short fingerprint that the other key does not have", async () => {
    const { own, other } = await subject.open();
    expect(own.keyId).toMatch(/^[0-9a-f]{8,}$/);
    expect((await subject.open()).own.keyId).toBe(own.keyId);
    expect(other.keyId).not.toBe(own.keyId);
  });
}

function testDamage(subject: CipherSubject): void {
  test.each([0, 1, 700])("refuses prefixes of %d encrypted bytes", async (sizeBytes) => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(sizeBytes, 5));
    for (let cut = 0; cut < stored.byteLength; cut += subject.damageStride) {
      expect(isRefusal(await outcome(own, stored.subarray(0, cut))), `cut to ${cut}`).toBe(true);
    }
  });

  test.each(subject.sizes)("refuses cuts around chunk limits of %d bytes", async (sizeBytes) => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(sizeBytes, 6));
    const random = seededFractions(sizeBytes);
    const cuts = [1, 16, 17, 18, 8192, 8208, 8209, 8210].map((bytes) => stored.byteLength - bytes);
    const { headBytes, storedBytes } = subject.chunks;
    for (let chunk = 0; chunk < 4; chunk++) cuts.push(headBytes + chunk * storedBytes);
    for (let round = 0; round < 10; round++) cuts.push(Math.floor(random() * stored.byteLength));
    for (const cut of cuts) {
      if (cut < 0 || cut >= stored.byteLength) continue;
      expect(isRefusal(await outcome(own, stored.subarray(0, cut))), `cut to ${cut}`).toBe(true);
    }
  });

  test.each(subject.sizes)("refuses anything behind %d bytes", async (sizeBytes) => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(sizeBytes, 7));
    for (const extra of [1, 17, 8209, 300_000]) {
      const extended = Buffer.concat([stored, incompressible(extra, 8)]);
      expect(isRefusal(await outcome(own, extended)), `${extra} bytes more`).toBe(true);
    }
    expect(isRefusal(await outcome(own, Buffer.concat([stored, stored])))).toBe(true);
  });

  test("refuses a flipped bit anywhere in a small object", async () => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(300, 9));
    for (let bit = 0; bit < stored.byteLength * 8; bit += subject.damageStride) {
      const flipped = Uint8Array.from(stored);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isRefusal(await outcome(own, flipped)), `bit ${bit}`).toBe(true);
    }
  });

  test("calls a flipped bit past the first chunk damage, not a wrong key", async () => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(2 * MIB, 10));
    const random = seededFractions(11);
    for (let round = 0; round < 20; round++) {
      const flipped = Uint8Array.from(stored);
      const at = 20_000 + Math.floor(random() * (stored.byteLength - 20_000));
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(await outcome(own, flipped), `byte ${at}`).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("refuses chunks that were swapped, doubled or left out", async () => {
    const { own } = await subject.open();
    const { headBytes, storedBytes } = subject.chunks;
    const stored = await encrypt(own, incompressible(5 * storedBytes, 12));
    const at = (index: number) => headBytes + index * storedBytes;
    const chunk = (index: number) => stored.subarray(at(index), at(index + 1));
    const head = stored.subarray(0, headBytes);
    const tail = stored.subarray(at(5));
    for (const order of [
      [0, 2, 1, 3, 4],
      [0, 1, 1, 2, 3, 4],
      [0, 1, 3, 4],
    ]) {
      const bytes = Buffer.concat([head, ...order.map(chunk), tail]);
      expect(await outcome(own, bytes)).toBeInstanceOf(CorruptObjectError);
    }
  });

  test("says that the key is wrong, naming its fingerprint and no key", async () => {
    const { own, other } = await subject.open();
    for (const sizeBytes of [0, 10, 9000, MIB]) {
      const error = await outcome(other, await encrypt(own, incompressible(sizeBytes, 13)));
      expect(error).toBeInstanceOf(WrongKeyError);
      expect(error).toMatchObject({ code: "wrong-key", keyId: other.keyId });
    }
  });
}

function testStreamManners(subject: CipherSubject): void {
  test("lets an error of the input through as it is", async () => {
    const { own } = await subject.open();
    const failure = new Error("connection lost");
    const stored = await encrypt(own, incompressible(2 * MIB, 14));
    async function* broken(): ByteStream {
      yield stored.subarray(0, MIB);
      throw failure;
    }
    await expect(collect(own.encrypt(broken()), LIMIT_BYTES)).rejects.toBe(failure);
    await expect(collect(own.decrypt(broken()), LIMIT_BYTES)).rejects.toBe(failure);
  });

  test("closes the input when the consumer stops, and reads only so far ahead", async () => {
    const { own } = await subject.open();
    const stored = await encrypt(own, incompressible(8 * MIB, 15));
    for (const stage of [own.encrypt, own.decrypt]) {
      let pulledBytes = 0;
      let isClosed = false;
      async function* input(): ByteStream {
        try {
          for await (const chunk of inChunks(stored, { sizeBytesMax: 65536, seed: 16 })) {
            pulledBytes += chunk.byteLength;
            yield chunk;
          }
        } finally {
          isClosed = true;
        }
      }
      for await (const chunk of stage(input())) if (chunk.byteLength > 100) break;
      expect(isClosed).toBe(true);
      expect(pulledBytes).toBeLessThan(2 * MIB);
    }
  });

  test("is done with a chunk when it recycles it", async () => {
    const { own } = await subject.open();
    const plain = incompressible(300_000, 20);
    async function* freed(bytes: Uint8Array): ByteStream {
      for (let from = 0; from < bytes.byteLength; from += 9001) {
        const piece = bytes.subarray(from, from + 9001);
        const chunk = Buffer.allocUnsafeSlow(piece.byteLength);
        chunk.set(piece);
        yield freedWhenRecycled(chunk);
      }
    }
    const stored = await collect(own.encrypt(freed(plain)), LIMIT_BYTES);
    const read = await collect(own.decrypt(freed(stored)), LIMIT_BYTES);
    expect(Buffer.compare(read, plain)).toBe(0);
  });

  test("never writes into what it is given", async () => {
    const { own } = await subject.open();
    const plain = Buffer.from(incompressible(300_000, 19));
    const stored = Buffer.from(await encrypt(own, plain));
    for (const [stage, bytes] of [
      [own.encrypt, plain],
      [own.decrypt, stored],
    ] as const) {
      const before = Bun.hash.xxHash3(bytes);
      async function* input(): ByteStream {
        // Of the kind whose slices are views.
        for (let from = 0; from < bytes.byteLength; from += 70_000) {
          yield bytes.subarray(from, from + 70_000);
        }
      }
      await collect(stage(input()), LIMIT_BYTES);
      expect(Bun.hash.xxHash3(bytes)).toBe(before);
    }
  });

  test("never writes into a chunk that it gave out", async () => {
    const { own } = await subject.open();
    const plain = incompressible(3 * MIB + 5, 17);
    const stored = await encrypt(own, plain);
    for (const [stage, bytes] of [
      [own.encrypt, plain],
      [own.decrypt, stored],
    ] as const) {
      const given: { readonly chunk: Uint8Array; readonly hash: number | bigint }[] = [];
      for await (const chunk of stage(inChunks(bytes, { sizeBytesMax: 70_000, seed: 18 }))) {
        given.push({ chunk, hash: Bun.hash.xxHash3(chunk) });
      }
      for (const { chunk, hash } of given) expect(Bun.hash.xxHash3(chunk)).toBe(hash);
    }
  });
}
