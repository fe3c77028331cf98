import { assert } from "../base/assert.ts";
import { sha256Hex } from "../base/byte-fields.ts";
import type { Cipher } from "../cipher/cipher.ts";
import { type ByteSource, type ByteStream, collect } from "../stream/byte-stream.ts";
import type { PartReceipt } from "../transfer/stored-part.ts";
import {
  type DocumentReceipt,
  RECEIPTS_VERSION,
  type ReceiptsFacts,
  SECTION_BYTES_MAX,
  type SectionPlace,
} from "./receipts-format.ts";
import { encodeFooter, encodeIndex } from "./receipts-index.ts";
import { encodeSection } from "./receipts-section.ts";

/** Sections that wait for the storage; past it `append` waits too. */
const QUEUE_BYTES_MAX = 4 << 20;

/**
 * Writes the receipts while the backup runs: `source` is given to the storage at the beginning,
 * sections pass through it as parts are stored, `finish` ends it. So memory does not grow with
 * the backup (but for some 150 bytes a part, which become the index).
 *
 * When the storage gives the source up, `append` rejects with the reason of the `put` that
 * `storedBy` was told of.
 */
export class ReceiptsWriter {
  readonly #cipher: Cipher;
  readonly #sections: SectionPlace[] = [];
  readonly #documents: DocumentReceipt[] = [];
  readonly #hash = new Bun.CryptoHasher("sha256");
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #sectionBytes = 0;
  #isOpened = false;
  #isFinished = false;
  #isGivenUp = false;
  #facts: ReceiptsFacts | undefined;
  #put: Promise<unknown> | undefined;
  /** Woken at each change of the fields above. */
  #waiting: (() => void)[] = [];

  constructor(options: { readonly cipher: Cipher }) {
    this.#cipher = options.cipher;
  }

  /** Its size is not known before its end; opened once. */
  readonly source: ByteSource = {
    sizeBytes: undefined,
    replayable: false,
    open: (signal) => {
      assert(!this.#isOpened, "the receipts were opened twice");
      this.#isOpened = true;
      return this.#read(signal);
    },
  };

  /** Adds the receipt of a part. Resolves when there is room for more. */
  async append(receipt: PartReceipt): Promise<void> {
    const stored = await this.#sealed(encodeSection(receipt));
    assert(stored.byteLength <= SECTION_BYTES_MAX, `a section of ${stored.byteLength} bytes`);
    assert(!this.#isFinished, "a receipt after the end of the receipts");
    this.#sections.push({
      key: receipt.object.key,
      partStoredBytes: receipt.object.storedBytes,
      offset: this.#sectionBytes,
      sizeBytes: stored.byteLength,
      sha256: sha256Hex(stored),
    });
    this.#sectionBytes += stored.byteLength;
    this.#push(stored);
    while (this.#queuedBytes > QUEUE_BYTES_MAX && !this.#isGivenUp) await this.#change();
    if (this.#isGivenUp) {
      await this.#put;
      throw new Error("the storage gave up the receipts");
    }
  }

  /** The `put` that takes the source: its failure ends every wait of `append`. */
  storedBy(put: Promise<unknown>): void {
    this.#put = put;
    put.catch(() => {
      this.#isGivenUp = true;
      this.#wake();
    });
  }

  /** Adds a document that is stored plain beside the parts. */
  addDocument(document: DocumentReceipt): void {
    assert(!this.#isFinished, "a document after the end of the receipts");
    this.#documents.push(document);
  }

  /** Ends the source: index and footer follow. */
  async finish(): Promise<void> {
    const index = { sections: this.#sections, documents: this.#documents };
    const sealed = await this.#sealed(encodeIndex(index));
    const footer = encodeFooter({
      indexOffset: this.#sectionBytes,
      indexBytes: sealed.byteLength,
      indexSha256: sha256Hex(sealed),
      isEncrypted: this.#isEncrypted(),
      sectionCount: this.#sections.length,
    });
    this.#push(sealed);
    this.#push(footer);
    this.#isFinished = true;
    this.#facts = {
      sizeBytes: this.#sectionBytes + sealed.byteLength + footer.byteLength,
      sha256: this.#hash.digest("hex"),
      rootSha256: sha256Hex(footer),
      version: RECEIPTS_VERSION,
    };
    this.#wake();
  }

  /** For the sentinel. Call after `finish`, use after the storage has taken the source. */
  facts(): ReceiptsFacts {
    if (this.#facts === undefined) throw new Error("assertion failed: receipts are not finished");
    return this.#facts;
  }

  #isEncrypted(): boolean {
    return this.#cipher.name !== "none";
  }

  async #sealed(bytes: Uint8Array): Promise<Uint8Array> {
    if (!this.#isEncrypted()) return bytes;
    return await collect(this.#cipher.encrypt(once(bytes)), Number.MAX_SAFE_INTEGER);
  }

  #push(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#wake();
  }

  async *#read(signal: AbortSignal): ByteStream & AsyncGenerator<Uint8Array> {
    const onAbort = () => this.#wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (true) {
        signal.throwIfAborted();
        const chunks = this.#queue;
        if (chunks.length > 0) {
          this.#queue = [];
          for (const chunk of chunks) {
            yield chunk;
            this.#queuedBytes -= chunk.byteLength;
            this.#wake();
          }
        } else if (this.#isFinished) {
          return;
        } else {
          await this.#change();
        }
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
      if (!this.#isFinished || this.#queuedBytes > 0) this.#isGivenUp = true;
      this.#wake();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
