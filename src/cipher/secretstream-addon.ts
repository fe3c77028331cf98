import { loadAddon } from "../base/addon.ts";
import { sodiumAddonPath } from "../base/addon-files.ts";
import { assert } from "../base/assert.ts";
import {
  checkTag,
  HEADER_BYTES,
  type Opener,
  OVERHEAD_BYTES,
  openedBytes,
  PLAIN_CHUNK_BYTES,
  RefusedChunk,
  type Sealer,
  type SecretStreamEngine,
  STATE_BYTES,
  STORED_CHUNK_BYTES,
  sealedBytes,
  TAG_FINAL,
  TAG_MESSAGE,
} from "./secretstream.ts";

type Bytes = readonly [buffer: ArrayBufferLike, offset: number, sizeBytes: number];

/** What sodium-native exports beneath its wrapper: it does not check sizes, so we do. */
interface SodiumAddon {
  crypto_secretstream_xchacha20poly1305_STATEBYTES: number;
  crypto_secretstream_xchacha20poly1305_init_push(...args: [...Bytes, ...Bytes, ...Bytes]): number;
  crypto_secretstream_xchacha20poly1305_init_pull(...args: [...Bytes, ...Bytes, ...Bytes]): number;
  /** state, stored, plain, associated data, tag; gives the stored size. */
  crypto_secretstream_xchacha20poly1305_push(
    ...args: [...Bytes, ...Bytes, ...Bytes, ...Bytes, number]
  ): number;
  /** state, plain, tag, stored, associated data; gives the plain size, or -1. */
  crypto_secretstream_xchacha20poly1305_pull(
    ...args: [...Bytes, ...Bytes, ...Bytes, ...Bytes, ...Bytes]
  ): number;
}

const NO_DATA: Bytes = [new ArrayBuffer(0), 0, 0];

/** The native engine; undefined where there is no addon. Throws `AddonError` if it is no good. */
export async function openAddonEngine(): Promise<SecretStreamEngine | undefined> {
  const path = await sodiumAddonPath();
  if (path === undefined) return undefined;
  const addon = (await loadAddon("sodium", path)) as SodiumAddon;
  assert(addon.crypto_secretstream_xchacha20poly1305_STATEBYTES === STATE_BYTES, "another state");
  return {
    name: "addon",
    seal: (key) => new AddonSealer(addon, key),
    open: (key, header) => new AddonOpener(addon, key, header),
  };
}

class AddonSealer implements Sealer {
  readonly header = new Uint8Array(HEADER_BYTES);
  readonly #addon: SodiumAddon;
  readonly #state = new Uint8Array(STATE_BYTES);

  constructor(addon: SodiumAddon, key: Uint8Array) {
    this.#addon = addon;
    const result = addon.crypto_secretstream_xchacha20poly1305_init_push(
      ...whole(this.#state),
      ...whole(this.header),
      ...whole(key),
    );
    assert(result === 0, "secretstream does not start");
  }

  batch(plain: Uint8Array, isLast: boolean): Uint8Array {
    const stored = Buffer.allocUnsafeSlow(sealedBytes(plain.byteLength, isLast));
    const push = this.#addon.crypto_secretstream_xchacha20poly1305_push;
    const state = whole(this.#state);
    for (let from = 0, to = 0; to < stored.byteLength; to += STORED_CHUNK_BYTES) {
      const plainBytes = Math.min(PLAIN_CHUNK_BYTES, plain.byteLength - from);
      const storedBytes = plainBytes + OVERHEAD_BYTES;
      const tag = plainBytes < PLAIN_CHUNK_BYTES ? TAG_FINAL : TAG_MESSAGE;
      const target: Bytes = [stored.buffer, stored.byteOffset + to, storedBytes];
      const source: Bytes = [plain.buffer, plain.byteOffset + from, plainBytes];
      const result = push(...state, ...target, ...source, ...NO_DATA, tag);
      assert(result === storedBytes, "secretstream wrote another size");
      from += plainBytes;
    }
    return stored;
  }

  [Symbol.dispose](): void {
    this.#state.fill(0);
  }
}

class AddonOpener implements Opener {
  readonly #addon: SodiumAddon;
  readonly #state = new Uint8Array(STATE_BYTES);
  readonly #tag = new Uint8Array(1);

  constructor(addon: SodiumAddon, key: Uint8Array, header: Uint8Array) {
    this.#addon = addon;
    const result = addon.crypto_secretstream_xchacha20poly1305_init_pull(
      ...whole(this.#state),
      ...whole(header),
      ...whole(key),
    );
    assert(result === 0, "secretstream does not start");
  }

  batch(stored: Uint8Array, isLast: boolean): Uint8Array {
    const plain = Buffer.allocUnsafeSlow(openedBytes(stored.byteLength, isLast));
    const pull = this.#addon.crypto_secretstream_xchacha20poly1305_pull;
    const state = whole(this.#state);
    const tag = whole(this.#tag);
    for (let from = 0, to = 0; from < stored.byteLength; from += STORED_CHUNK_BYTES) {
      const storedBytes = Math.min(STORED_CHUNK_BYTES, stored.byteLength - from);
      const plainBytes = storedBytes - OVERHEAD_BYTES;
      const target: Bytes = [plain.buffer, plain.byteOffset + to, plainBytes];
      const source: Bytes = [stored.buffer, stored.byteOffset + from, storedBytes];
      const result = pull(...state, ...target, ...tag, ...source, ...NO_DATA);
      if (result !== plainBytes) throw new RefusedChunk(from / STORED_CHUNK_BYTES);
      checkTag(this.#tag[0], storedBytes);
      to += plainBytes;
    }
    return plain;
  }

  [Symbol.dispose](): void {
    this.#state.fill(0);
  }
}

function whole(bytes: Uint8Array): Bytes {
  return [bytes.buffer, bytes.byteOffset, bytes.byteLength];
}
