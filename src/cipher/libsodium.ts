import { AddonError } from "../base/addon.ts";
import { ConfigError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { ByteReader } from "../stream/byte-reader.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { alternatingMemory, rechunk } from "../stream/rechunk.ts";
import type { Cipher } from "./cipher.ts";
import { corruptLibsodium, WrongKeyError } from "./errors.ts";
import {
  BATCH_CHUNKS,
  HEADER_BYTES,
  KEY_BYTES,
  type Opener,
  PLAIN_BATCH_BYTES,
  RefusedChunk,
  type SecretStreamEngine,
  STORED_BATCH_BYTES,
  STORED_CHUNK_BYTES,
} from "./secretstream.ts";

export type KeyTransform = "none" | "hex" | "base64";

export interface LibsodiumOptions {
  readonly log: Logger;
  /** Keys of earlier times: only for reading. */
  readonly older?: readonly Uint8Array[] | undefined;
  /** `auto`: the addon, else WebAssembly. */
  readonly engine?: "auto" | "addon" | "wasm" | undefined;
}

const KEY_TEXT_BYTES_MIN = 25;

/**
 * WAL-G's libsodium cipher, with one thing stricter: a stream without its final chunk, or with
 * anything after it, is an error. The engine is loaded when first used.
 */
export function openLibsodiumCipher(key: Uint8Array, options: LibsodiumOptions): Cipher {
  let opening: Promise<SecretStreamEngine> | undefined;
  const engine = () => {
    opening ??= openEngine(options);
    return opening;
  };
  const keyId = fingerprint(key);
  const keys = [key, ...(options.older ?? [])];
  return {
    name: "libsodium",
    keyId,
    canDecrypt: true,
    encrypt: (input) => encrypt(input, engine, key),
    decrypt: (input) => decrypt(input, engine, keys),
  };
}

/** The 32 bytes that the text of a key means. The key is in no message; `where` names it. */
export function transformKey(
  text: Uint8Array,
  transform: KeyTransform,
  where = "LIBSODIUM_KEY",
): Uint8Array {
  if (transform === "none") {
    if (text.byteLength < KEY_TEXT_BYTES_MIN) {
      throw new ConfigError(
        `${where} has ${text.byteLength} bytes, at least ${KEY_TEXT_BYTES_MIN} are needed`,
        "Make one with `openssl rand -hex 32` and set LIBSODIUM_KEY_TRANSFORM=hex.",
      );
    }
    const key = new Uint8Array(KEY_BYTES);
    key.set(text.subarray(0, KEY_BYTES));
    return key;
  }
  const digits = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("latin1");
  // WAL-G's base64 reader passes over line ends.
  const key = transform === "hex" ? decodeHex(digits) : decodeBase64(digits.replace(/[\r\n]/g, ""));
  if (key === undefined || key.byteLength !== KEY_BYTES) {
    const found = key === undefined ? `is not ${transform}` : `means ${key.byteLength} bytes`;
    throw new ConfigError(
      `${where} ${found}; with LIBSODIUM_KEY_TRANSFORM=${transform} it must be ` +
        `${KEY_BYTES} bytes in ${transform}`,
      transform === "hex"
        ? "Make one with `openssl rand -hex 32`."
        : "Make one with `openssl rand -base64 32`.",
    );
  }
  return key;
}

function decodeHex(digits: string): Uint8Array | undefined {
  return /^(?:[0-9a-fA-F]{2})*$/.test(digits)
    ? Uint8Array.from(Buffer.from(digits, "hex"))
    : undefined;
}

function decodeBase64(digits: string): Uint8Array | undefined {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(digits);
  return isBase64 ? Uint8Array.from(Buffer.from(digits, "base64")) : undefined;
}

/**
 * Public: tells keys apart. A guess at the key can be checked with it, as it can be with any
 * object that the key encrypted.
 */
function fingerprint(key: Uint8Array): string {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update("tidemark libsodium key id\0");
  hasher.update(key);
  return hasher.digest("hex").slice(0, 8);
}

async function openEngine(options: LibsodiumOptions): Promise<SecretStreamEngine> {
  const engine = await chooseEngine(options);
  options.log.debug("libsodium engine opened", { engine: engine.name });
  return engine;
}

async function chooseEngine(options: LibsodiumOptions): Promise<SecretStreamEngine> {
  const choice = options.engine ?? "auto";
  if (choice !== "wasm") {
    const { openAddonEngine } = await import("./secretstream-addon.ts");
    try {
      const engine = await openAddonEngine();
      if (engine !== undefined) return engine;
    } catch (error) {
      if (!(error instanceof AddonError) || choice === "addon") throw error;
      options.log.debug("libsodium addon not loaded", { reason: error.message });
    }
    if (choice === "addon") throw new ConfigError("there is no libsodium addon for this machine");
  }
  return (await import("./secretstream-wasm.ts")).openWasmEngine();
}

async function* encrypt(
  input: ByteStream,
  openEngine: () => Promise<SecretStreamEngine>,
  key: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const engine = await openEngine();
  using sealer = engine.seal(key);
  let isFirst = true;
  let held: Uint8Array | undefined;
  // One batch is held back, as the last one is sealed in another way.
  for await (const plain of rechunk(PLAIN_BATCH_BYTES, alternatingMemory())(input)) {
    if (isFirst) yield sealer.header;
    isFirst = false;
    if (held !== undefined) yield sealer.batch(held, false);
    held = plain;
  }
  // WAL-G leaves the header out of an empty stream, and cannot read the result itself.
  if (isFirst) yield sealer.header;
  yield sealer.batch(held ?? new Uint8Array(0), true);
}

async function* decrypt(
  input: ByteStream,
  openEngine: () => Promise<SecretStreamEngine>,
  keys: readonly Uint8Array[],
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(input);
  try {
    const header = Uint8Array.from(await reader.read(HEADER_BYTES));
    if (header.byteLength < HEADER_BYTES) throw corruptLibsodium("cut short inside the header");
    const engine = await openEngine();
    let stored = await reader.read(STORED_BATCH_BYTES);
    let isLast = await reader.isAtEnd();
    using opener = openerFor(engine, { keys, header, stored, isLast });
    for (let batchIndex = 0; ; batchIndex++) {
      const plain = openBatch(opener, { stored, isLast, batchIndex, keys });
      if (plain.byteLength > 0) yield plain;
      if (isLast) return;
      stored = await reader.read(STORED_BATCH_BYTES);
      isLast = await reader.isAtEnd();
    }
  } finally {
    await reader.close();
  }
}

interface FirstBatch {
  readonly keys: readonly Uint8Array[];
  readonly header: Uint8Array;
  readonly stored: Uint8Array;
  readonly isLast: boolean;
}

/** With the key that opens the first chunk: nothing in an object says which one it needs. */
function openerFor(engine: SecretStreamEngine, first: FirstBatch): Opener {
  const { keys, header } = first;
  const key = keys.length === 1 ? keys[0] : keys.find((each) => isOpenedBy(engine, each, first));
  if (key === undefined) throw wrongKey(keys);
  return engine.open(key, header);
}

function isOpenedBy(engine: SecretStreamEngine, key: Uint8Array, first: FirstBatch): boolean {
  const { header, stored } = first;
  const sample = stored.subarray(0, STORED_CHUNK_BYTES);
  const isLast = first.isLast && sample.byteLength === stored.byteLength;
  using opener = engine.open(key, header);
  try {
    opener.batch(sample, isLast);
    return true;
  } catch (error) {
    // Another damage than of the chunk itself says nothing of keys, and is told with any of them.
    return !(error instanceof RefusedChunk);
  }
}

function openBatch(
  opener: Opener,
  batch: {
    readonly stored: Uint8Array;
    readonly isLast: boolean;
    readonly batchIndex: number;
    readonly keys: readonly Uint8Array[];
  },
): Uint8Array {
  try {
    return opener.batch(batch.stored, batch.isLast);
  } catch (error) {
    if (!(error instanceof RefusedChunk)) throw error;
    const index = batch.batchIndex * BATCH_CHUNKS + error.index;
    if (index === 0) throw wrongKey(batch.keys);
    throw corruptLibsodium(`chunk ${index} is damaged`);
  }
}

function wrongKey(keys: readonly Uint8Array[]): WrongKeyError {
  return new WrongKeyError("libsodium data", keys.map(fingerprint).join(","));
}
