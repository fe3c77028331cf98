import { CorruptObjectError, ToolError } from "../base/errors.ts";
import { GarbagePace } from "../base/garbage.ts";
import type { Cipher } from "../cipher/cipher.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { InvalidRangeError, ObjectNotFoundError } from "../storage/errors.ts";
import { type ByteStream, collect } from "../stream/byte-stream.ts";
import type { PartReceipt } from "../transfer/stored-part.ts";
import type { BackupName } from "./backup-name.ts";
import {
  type DocumentReceipt,
  FOOTER_BYTES,
  RECEIPTS_SENTINEL_KEY,
  RECEIPTS_VERSION,
  type ReceiptsFacts,
  SECTION_BYTES_MAX,
  type SectionPlace,
  TAIL_BYTES,
} from "./receipts-format.ts";
import {
  decodeFooter,
  decodeIndex,
  decodeTail,
  expectSha256,
  type Footer,
  UnsupportedFormatError,
} from "./receipts-index.ts";
import { decodeSection } from "./receipts-section.ts";
import { once } from "./receipts-writer.ts";
import { type Sentinel, sentinelFields } from "./sentinel.ts";
import { receiptsKey } from "./storage-layout.ts";

/** A later version may have a longer footer; no version has one past this. */
const FOOTER_BYTES_MAX = 4096;

export interface ReceiptsRequest {
  readonly driver: Pick<StorageDriver, "get" | "stat">;
  /** The cipher of the repository: sections are decrypted with it when they are encrypted. */
  readonly cipher: Cipher;
  readonly backup: BackupName;
  /** What the sentinel says; undefined: WAL-G wrote the backup, or rewrote its sentinel. */
  readonly facts: ReceiptsFacts | undefined;
  readonly signal: AbortSignal;
}

/** The document with what it says of the receipts, as its last key. */
export function withReceipts(
  document: Sentinel["document"],
  facts: ReceiptsFacts,
): Sentinel["document"] {
  return {
    ...document,
    [RECEIPTS_SENTINEL_KEY]: {
      Size: facts.sizeBytes,
      SHA256: facts.sha256,
      RootSHA256: facts.rootSha256,
      Version: facts.version,
    },
  };
}

/** What the sentinel says of the receipts; undefined when it names none. */
export function receiptsFacts(sentinel: Sentinel): ReceiptsFacts | undefined {
  const fields = sentinelFields(sentinel).nested(RECEIPTS_SENTINEL_KEY);
  if (fields === undefined) return undefined;
  const sha256 = (key: string) => {
    const hex = fields.required(key, fields.text(key));
    if (!/^[0-9a-f]{64}$/.test(hex)) throw fields.fault(key, "is not a SHA-256");
    return hex;
  };
  return {
    sizeBytes: fields.required("Size", fields.count("Size")),
    sha256: sha256("SHA256"),
    rootSha256: sha256("RootSHA256"),
    version: fields.required("Version", fields.count("Version")),
  };
}

/**
 * Opens the receipts of a backup: footer and index are read, sections only when asked for.
 * undefined: the backup has none. Damage is a `CorruptObjectError`, a later format an
 * `UnsupportedFormatError`.
 */
export async function openReceipts(request: ReceiptsRequest): Promise<ReceiptsReader | undefined> {
  const { facts, signal } = request;
  const key = receiptsKey(request.backup);
  if (facts !== undefined && facts.version > RECEIPTS_VERSION) {
    throw new UnsupportedFormatError(key, facts.version);
  }
  const sizeBytes = facts?.sizeBytes ?? (await sizeOf(request));
  if (sizeBytes === undefined) return undefined;
  if (sizeBytes < FOOTER_BYTES) throw new CorruptObjectError(key, `only ${sizeBytes} bytes long`);
  const object = new ReceiptsObject(request, sizeBytes);
  const footer = await readFooter(object, facts, signal);
  const index = await object.sealed({
    what: `${key}: index`,
    offset: footer.indexOffset,
    sizeBytes: footer.indexBytes,
    sha256: footer.indexSha256,
    isEncrypted: footer.isEncrypted,
    signal,
  });
  const { sections, documents } = decodeIndex(`${key}: index`, index, footer);
  return new ReceiptsReader(object, footer.isEncrypted, sections, documents);
}

async function sizeOf(request: ReceiptsRequest): Promise<number | undefined> {
  try {
    return (await request.driver.stat(receiptsKey(request.backup), request.signal)).sizeBytes;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function readFooter(
  object: ReceiptsObject,
  facts: ReceiptsFacts | undefined,
  signal: AbortSignal,
): Promise<Footer> {
  const what = `${object.key}: footer`;
  let bytes = await object.range(object.sizeBytes - FOOTER_BYTES, FOOTER_BYTES, signal);
  const tail = decodeTail(what, bytes);
  if (tail.bytes !== FOOTER_BYTES && tail.bytes >= TAIL_BYTES && tail.bytes <= FOOTER_BYTES_MAX) {
    bytes = await object.range(object.sizeBytes - tail.bytes, tail.bytes, signal);
  }
  const footer = decodeFooter(what, bytes, object.sizeBytes);
  if (facts !== undefined) expectSha256(what, bytes, facts.rootSha256);
  return footer;
}

/** The receipts of one backup. Sections are fetched when asked for, and not kept. */
export class ReceiptsReader {
  /** In the order of writing. */
  readonly sections: readonly SectionPlace[];
  readonly documents: readonly DocumentReceipt[];
  readonly #object: ReceiptsObject;
  readonly #isEncrypted: boolean;
  readonly #places: ReadonlyMap<string, SectionPlace>;
  readonly #garbage = new GarbagePace();

  constructor(
    object: ReceiptsObject,
    isEncrypted: boolean,
    sections: readonly SectionPlace[],
    documents: readonly DocumentReceipt[],
  ) {
    this.sections = sections;
    this.documents = documents;
    this.#object = object;
    this.#isEncrypted = isEncrypted;
    this.#places = new Map(sections.map((place) => [place.key, place]));
    if (this.#places.size !== sections.length) {
      throw new CorruptObjectError(`${object.key}: index`, "names a part twice");
    }
  }

  /** `key` is the full key of a part. undefined: the receipts do not know it. */
  async part(key: string, signal: AbortSignal): Promise<PartReceipt | undefined> {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const what = `${this.#object.key}: section of ${key}`;
    const { offset, sizeBytes, sha256 } = place;
    const isEncrypted = this.#isEncrypted;
    const bytes = await this.#object.sealed({
      what,
      offset,
      sizeBytes,
      sha256,
      isEncrypted,
      signal,
    });
    const receipt = decodeSection(what, bytes);
    const { object } = receipt;
    if (object.key !== key || object.storedBytes !== place.partStoredBytes) {
      throw new CorruptObjectError(what, `is of ${object.key}`);
    }
    this.#garbage.passed(receipt.entries.length);
    return receipt;
  }

  /** `name` is below the backup's folder: `metadata.json`. */
  document(name: string): DocumentReceipt | undefined {
    return this.documents.find((document) => document.name === name);
  }

  /** Reads the whole object and compares its SHA-256 with the sentinel's. */
  async proveWhole(facts: ReceiptsFacts, signal: AbortSignal): Promise<void> {
    await this.#object.proveWhole(facts, signal);
  }
}

/** The stored object and how to read pieces of it. */
export class ReceiptsObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly #request: ReceiptsRequest;

  constructor(request: ReceiptsRequest, sizeBytes: number) {
    this.key = receiptsKey(request.backup);
    this.sizeBytes = sizeBytes;
    this.#request = request;
  }

  /** Exactly these bytes. That there are fewer is damage: the sentinel says how many there are. */
  async range(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const range = { offset, length };
    const bytes = await collect(await this.#get({ range, signal }), length);
    if (bytes.byteLength !== length) {
      throw new CorruptObjectError(this.key, `${bytes.byteLength} of ${length} bytes were read`);
    }
    return bytes;
  }

  /** A section or the index: proven by its SHA-256, then decrypted. */
  async sealed(place: {
    readonly what: string;
    readonly offset: number;
    readonly sizeBytes: number;
    readonly sha256: string;
    readonly isEncrypted: boolean;
    readonly signal: AbortSignal;
  }): Promise<Uint8Array> {
    const stored = await this.range(place.offset, place.sizeBytes, place.signal);
    expectSha256(place.what, stored, place.sha256);
    if (!place.isEncrypted) return stored;
    const { cipher } = this.#request;
    if (cipher.name === "none") {
      throw new ToolError({
        code: "wrong-key",
        message: `${this.key}: is encrypted, and no encryption is configured`,
        hint: "Configure the key with which the backup was written.",
      });
    }
    return await collect(cipher.decrypt(once(stored)), SECTION_BYTES_MAX);
  }

  async proveWhole(facts: ReceiptsFacts, signal: AbortSignal): Promise<void> {
    const hash = new Bun.CryptoHasher("sha256");
    let sizeBytes = 0;
    for await (const chunk of await this.#get({ signal })) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
    }
    const sha256 = hash.digest("hex");
    if (sizeBytes !== facts.sizeBytes || sha256 !== facts.sha256) {
      throw new CorruptObjectError(
        this.key,
        `${sizeBytes} bytes with SHA-256 ${sha256}, ` +
          `the sentinel says ${facts.sizeBytes} bytes with ${facts.sha256}`,
      );
    }
  }

  async #get(options: Parameters<StorageDriver["get"]>[1]): Promise<ByteStream> {
    const { driver, backup } = this.#request;
    try {
      return await driver.get(receiptsKey(backup), options);
    } catch (cause) {
      if (cause instanceof ObjectNotFoundError) {
        throw new CorruptObjectError(this.key, "is missing, and the sentinel names it", { cause });
      }
      if (cause instanceof InvalidRangeError) {
        throw new CorruptObjectError(this.key, "is shorter than it was", { cause });
      }
      throw cause;
    }
  }
}
