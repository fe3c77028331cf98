// What each engine has to prove against libsodium's own interface, as an independent reader
// and writer of single chunks.
import sodium from "libsodium-wrappers-sumo";
import { beforeAll, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import {
  HEADER_BYTES,
  PLAIN_BATCH_BYTES,
  PLAIN_CHUNK_BYTES,
  RefusedChunk,
  type SecretStreamEngine,
  STORED_BATCH_BYTES,
  STORED_CHUNK_BYTES,
  TAG_FINAL,
  TAG_MESSAGE,
} from "../../../src/cipher/secretstream.ts";
import { incompressible } from "../../support/sample-bytes.ts";

export function testSecretStreamEngine(open: () => Promise<SecretStreamEngine>): void {
  const key = incompressible(32, 1);
  beforeAll(() => sodium.ready);

  test.each([0, 1, 8191, 8192, 20_000, PLAIN_BATCH_BYTES])(
    "seals %d bytes into what libsodium reads",
    async (sizeBytes) => {
      const engine = await open();
      const plain = incompressible(sizeBytes, 2);
      using sealer = engine.seal(key);
      const stored = sealer.batch(plain, true);
      const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(sealer.header, key);
      const chunks: Uint8Array[] = [];
      for (let from = 0; from < stored.byteLength; from += STORED_CHUNK_BYTES) {
        const chunk = stored.subarray(from, from + STORED_CHUNK_BYTES);
        const pulled = sodium.crypto_secretstream_xchacha20poly1305_pull(state, chunk, null);
        if (pulled === false) throw new Error("libsodium refuses the chunk");
        const isLast = from + STORED_CHUNK_BYTES > stored.byteLength;
        expect(pulled.tag).toBe(isLast ? TAG_FINAL : TAG_MESSAGE);
        chunks.push(pulled.message);
      }
      expect(Buffer.compare(Buffer.concat(chunks), plain)).toBe(0);
    },
  );

  /** A stream by libsodium's own interface, with any tags. */
  function sealed(chunks: readonly { readonly bytes: Uint8Array; readonly tag: number }[]) {
    const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
    const stored = chunks.map(({ bytes, tag }) =>
      sodium.crypto_secretstream_xchacha20poly1305_push(state, bytes, null, tag),
    );
    expect(header.byteLength).toBe(HEADER_BYTES);
    return { header, stored: Buffer.concat(stored) };
  }
  const full = incompressible(PLAIN_CHUNK_BYTES, 3);
  const empty = new Uint8Array(0);

  test("opens what libsodium seals, batch after batch", async () => {
    const engine = await open();
    const { header, stored } = sealed([
      ...Array.from({ length: 33 }, () => ({ bytes: full, tag: TAG_MESSAGE })),
      { bytes: full.subarray(0, 99), tag: TAG_FINAL },
    ]);
    using opener = engine.open(key, header);
    const first = opener.batch(stored.subarray(0, STORED_BATCH_BYTES), false);
    const second = opener.batch(stored.subarray(STORED_BATCH_BYTES), true);
    expect(first.byteLength).toBe(PLAIN_BATCH_BYTES);
    expect(Buffer.compare(second, Buffer.concat([full, full.subarray(0, 99)]))).toBe(0);
  });

  test.each([
    [
      "FINAL on a full chunk",
      [
        { bytes: full, tag: 3 },
        { bytes: empty, tag: 3 },
      ],
    ],
    [
      "REKEY on a chunk",
      [
        { bytes: full, tag: 2 },
        { bytes: empty, tag: 3 },
      ],
    ],
    [
      "MESSAGE on the last chunk",
      [
        { bytes: full, tag: 0 },
        { bytes: empty, tag: 0 },
      ],
    ],
  ])("refuses %s", async (_what, chunks) => {
    const engine = await open();
    const { header, stored } = sealed(chunks);
    using opener = engine.open(key, header);
    expect(() => opener.batch(stored, true)).toThrow(CorruptObjectError);
  });

  test("says which chunk is refused", async () => {
    const engine = await open();
    const { header, stored } = sealed([
      { bytes: full, tag: TAG_MESSAGE },
      { bytes: full, tag: TAG_MESSAGE },
      { bytes: empty, tag: TAG_FINAL },
    ]);
    stored[STORED_CHUNK_BYTES + 5] = (stored[STORED_CHUNK_BYTES + 5] ?? 0) ^ 1;
    using opener = engine.open(key, header);
    const attempt = () => opener.batch(stored, true);
    expect(attempt).toThrow(RefusedChunk);
    using again = engine.open(key, header);
    expect(() => again.batch(stored, true)).toThrow(expect.objectContaining({ index: 1 }));
  });
}
