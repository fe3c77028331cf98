import { assert } from "../base/assert.ts";
import {
  checkTag,
  HEADER_BYTES,
  KEY_BYTES,
  type Opener,
  OVERHEAD_BYTES,
  openedBytes,
  PLAIN_BATCH_BYTES,
  PLAIN_CHUNK_BYTES,
  RefusedChunk,
  type Sealer,
  type SecretStreamEngine,
  STATE_BYTES,
  STORED_BATCH_BYTES,
  STORED_CHUNK_BYTES,
  sealedBytes,
  TAG_FINAL,
  TAG_MESSAGE,
} from "./secretstream.ts";

/** The module inside libsodium-wrappers: its functions take addresses in its own memory. */
interface SodiumModule {
  /** Another view after the memory has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
  _crypto_secretstream_xchacha20poly1305_statebytes(): number;
  _crypto_secretstream_xchacha20poly1305_init_push(
    state: number,
    header: number,
    key: number,
  ): number;
  _crypto_secretstream_xchacha20poly1305_init_pull(
    state: number,
    header: number,
    key: number,
  ): number;
  /** Sizes are 64 bits wide: the high half follows the low one. */
  _crypto_secretstream_xchacha20poly1305_push(
    ...args: [
      state: number,
      stored: number,
      storedBytesOut: number,
      plain: number,
      plainBytes: number,
      plainBytesHigh: number,
      data: number,
      dataBytes: number,
      dataBytesHigh: number,
      tag: number,
    ]
  ): number;
  _crypto_secretstream_xchacha20poly1305_pull(
    ...args: [
      state: number,
      plain: number,
      plainBytesOut: number,
      tagOut: number,
      stored: number,
      storedBytes: number,
      storedBytesHigh: number,
      data: number,
      dataBytes: number,
      dataBytesHigh: number,
    ]
  ): number;
}

/** The engine that runs everywhere, about half as fast as the addon. */
export async function openWasmEngine(): Promise<SecretStreamEngine> {
  const { default: wrappers } = await import("libsodium-wrappers-sumo");
  await wrappers.ready;
  const { libsodium } = wrappers as unknown as { readonly libsodium: SodiumModule };
  assert(
    libsodium._crypto_secretstream_xchacha20poly1305_statebytes() === STATE_BYTES,
    "another state",
  );
  return {
    name: "wasm",
    seal: (key) => new WasmSealer(libsodium, key),
    open: (key, header) => new WasmOpener(libsodium, key, header),
  };
}

/** One stream's piece of the module's memory: state, tag, and both sides of a batch. */
class WasmMemory implements Disposable {
  readonly module: SodiumModule;
  readonly state: number;
  readonly tag: number;
  readonly plain: number;
  readonly stored: number;
  // A full batch at the end has the empty FINAL chunk behind it.
  readonly #sizeBytes = STATE_BYTES + 4 + PLAIN_BATCH_BYTES + STORED_BATCH_BYTES + OVERHEAD_BYTES;

  constructor(module: SodiumModule) {
    this.module = module;
    this.state = module._malloc(this.#sizeBytes);
    assert(this.state !== 0, "the module's memory is full");
    this.tag = this.state + STATE_BYTES;
    this.plain = this.tag + 4;
    this.stored = this.plain + PLAIN_BATCH_BYTES;
  }

  write(address: number, bytes: Uint8Array): void {
    this.module.HEAPU8.set(bytes, address);
  }

  /** A copy. */
  read(address: number, sizeBytes: number): Uint8Array {
    return this.module.HEAPU8.slice(address, address + sizeBytes);
  }

  /** Starts the state; the key lies in the memory only meanwhile. */
  start(init: (state: number, header: number, key: number) => number, key: Uint8Array): void {
    assert(key.byteLength === KEY_BYTES, "another key size");
    this.write(this.plain, key);
    const result = init(this.state, this.stored, this.plain);
    this.module.HEAPU8.fill(0, this.plain, this.plain + KEY_BYTES);
    assert(result === 0, "secretstream does not start");
  }

  [Symbol.dispose](): void {
    this.module.HEAPU8.fill(0, this.state, this.state + this.#sizeBytes);
    this.module._free(this.state);
  }
}

class WasmSealer implements Sealer {
  readonly header: Uint8Array;
  readonly #memory: WasmMemory;

  constructor(module: SodiumModule, key: Uint8Array) {
    const memory = new WasmMemory(module);
    this.#memory = memory;
    memory.start(module._crypto_secretstream_xchacha20poly1305_init_push, key);
    this.header = memory.read(memory.stored, HEADER_BYTES);
  }

  batch(plain: Uint8Array, isLast: boolean): Uint8Array {
    const { module, state, ...at } = this.#memory;
    assert(plain.byteLength <= PLAIN_BATCH_BYTES, "more than a batch");
    const storedTotal = sealedBytes(plain.byteLength, isLast);
    this.#memory.write(at.plain, plain);
    for (let from = 0, to = 0; to < storedTotal; to += STORED_CHUNK_BYTES) {
      const plainBytes = Math.min(PLAIN_CHUNK_BYTES, plain.byteLength - from);
      const tag = plainBytes < PLAIN_CHUNK_BYTES ? TAG_FINAL : TAG_MESSAGE;
      const result = module._crypto_secretstream_xchacha20poly1305_push(
        ...([state, at.stored + to, 0, at.plain + from, plainBytes, 0, 0, 0, 0, tag] as const),
      );
      assert(result === 0, "secretstream does not encrypt");
      from += plainBytes;
    }
    return this.#memory.read(at.stored, storedTotal);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

class WasmOpener implements Opener {
  readonly #memory: WasmMemory;

  constructor(module: SodiumModule, key: Uint8Array, header: Uint8Array) {
    const memory = new WasmMemory(module);
    this.#memory = memory;
    memory.write(memory.stored, header);
    memory.start(module._crypto_secretstream_xchacha20poly1305_init_pull, key);
  }

  batch(stored: Uint8Array, isLast: boolean): Uint8Array {
    const { module, state, ...at } = this.#memory;
    assert(stored.byteLength <= STORED_BATCH_BYTES, "more than a batch");
    const plainTotal = openedBytes(stored.byteLength, isLast);
    this.#memory.write(at.stored, stored);
    for (let from = 0, to = 0; from < stored.byteLength; from += STORED_CHUNK_BYTES) {
      const storedBytes = Math.min(STORED_CHUNK_BYTES, stored.byteLength - from);
      const result = module._crypto_secretstream_xchacha20poly1305_pull(
        ...([state, at.plain + to, 0, at.tag, at.stored + from, storedBytes, 0, 0, 0, 0] as const),
      );
      if (result !== 0) throw new RefusedChunk(from / STORED_CHUNK_BYTES);
      checkTag(module.HEAPU8[at.tag], storedBytes);
      to += storedBytes - OVERHEAD_BYTES;
    }
    return this.#memory.read(at.plain, plainTotal);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
