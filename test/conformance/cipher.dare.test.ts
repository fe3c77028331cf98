// Proves DARE 2.0 with the library that WAL-G uses, both ways and with both of its ciphers, and
// that what DARE cannot tell apart from whole is refused.
import { beforeAll, describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { loadChachaOpener } from "../../src/cipher/chacha20-poly1305.ts";
import { openDare, sealDare } from "../../src/cipher/dare.ts";
import { ByteReader } from "../../src/stream/byte-reader.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { inChunks, incompressible } from "../support/sample-bytes.ts";
import {
  installWalgLibraries,
  runWalgLibrary,
  WALG_LIBRARIES_HOOK_TIMEOUT_MS,
} from "../support/walg-libraries.ts";

const LIMIT_BYTES = 1 << 24;
const KEY = incompressible(32, 1);
const HEX_KEY = Buffer.from(KEY).toString("hex");
const NO_HEAD = new Uint8Array(0);
const SIZES = [1, 15, 65_535, 65_536, 65_537, 131_072, 131_073, 700_000];

function seal(plain: Uint8Array): Promise<Uint8Array> {
  const input = inChunks(plain, { sizeBytesMax: 50_000, seed: 2 });
  return collect(sealDare(input, { key: KEY, head: NO_HEAD }), LIMIT_BYTES);
}

function open(sealed: Uint8Array, chacha = true): Promise<Uint8Array> {
  const reader = new ByteReader(inChunks(sealed, { sizeBytesMax: 50_000, seed: 3 }));
  const options = { key: KEY, chacha: chacha ? loadChachaOpener : undefined };
  return collect(openDare(reader, options), LIMIT_BYTES);
}

beforeAll(async () => {
  await installWalgLibraries();
}, WALG_LIBRARIES_HOOK_TIMEOUT_MS);

describe("WAL-G's library", () => {
  test.each(SIZES)("reads what is written, %d bytes", async (sizeBytes) => {
    const plain = incompressible(sizeBytes, 4);
    const read = await runWalgLibrary("dare-decrypt", HEX_KEY, await seal(plain));
    expect(Buffer.compare(read, plain)).toBe(0);
  });

  test.each(SIZES)("writes what is read, %d bytes with either cipher", async (sizeBytes) => {
    const plain = incompressible(sizeBytes, 5);
    for (const action of ["dare-encrypt-aes", "dare-encrypt-chacha"] as const) {
      const sealed = await runWalgLibrary(action, HEX_KEY, plain);
      expect(sealed[1], action).toBe(action === "dare-encrypt-aes" ? 0 : 1);
      expect(Buffer.compare(await open(sealed), plain), action).toBe(0);
    }
  });

  test("refuses our word for nothing, and writes nothing for nothing", async () => {
    const sealed = await seal(new Uint8Array(0));
    expect(sealed.byteLength).toBe(32);
    expect((await open(sealed)).byteLength).toBe(0);
    await expect(runWalgLibrary("dare-decrypt", HEX_KEY, sealed)).rejects.toThrow();
    expect(await runWalgLibrary("dare-encrypt-aes", HEX_KEY, new Uint8Array(0))).toHaveLength(0);
    await expect(open(new Uint8Array(0))).rejects.toThrow("cut short before its last package");
  });
});

describe("what is refused", () => {
  test("DARE 1.0, which can be cut between packages", async () => {
    const sealed = await runWalgLibrary("dare-encrypt-1.0", HEX_KEY, incompressible(100, 6));
    await expect(open(sealed)).rejects.toThrow("DARE 1.0, which does not mark its end");
  });

  test("ChaCha20-Poly1305 where a format has only AES", async () => {
    const sealed = await runWalgLibrary("dare-encrypt-chacha", HEX_KEY, incompressible(100, 7));
    await expect(open(sealed, false)).rejects.toThrow("an unknown cipher");
  });

  test("every flipped bit, cut and addition under ChaCha20-Poly1305", async () => {
    const sealed = await runWalgLibrary("dare-encrypt-chacha", HEX_KEY, incompressible(50, 8));
    for (let bit = 0; bit < sealed.byteLength * 8; bit += 1) {
      const flipped = Uint8Array.from(sealed);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      await expect(open(flipped), `bit ${bit}`).rejects.toThrow(CorruptObjectError);
    }
    for (let cut = 0; cut < sealed.byteLength; cut += 1) {
      await expect(open(sealed.subarray(0, cut)), `cut to ${cut}`).rejects.toThrow(
        CorruptObjectError,
      );
    }
    const longer = Buffer.concat([sealed, Buffer.alloc(1)]);
    await expect(open(longer)).rejects.toThrow("something follows its end");
  });

  test("packages of another stream under the same key", async () => {
    const [first, second] = [
      await seal(incompressible(200_000, 9)),
      await seal(incompressible(200_000, 9)),
    ];
    const mixed = Uint8Array.from(first);
    mixed.set(second.subarray(65_568, 2 * 65_568), 65_568);
    await expect(open(mixed)).rejects.toThrow("a package of another stream");
  });
});
