import { CorruptObjectError } from "../base/errors.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import {
  decodeTarBlock,
  kindOf,
  TAR_BLOCK_BYTES,
  type TarHeader,
  tarPaddingBytes,
} from "./header.ts";
import { decodePaxRecords, PAX_BYTES_MAX, type PaxRecords, utf8Of } from "./pax-records.ts";

/**
 * What a tar holds, told as its bytes pass. Synchronous on purpose: one await per chunk of the
 * input, none per entry. An error thrown by the visitor ends the reading.
 */
export interface TarVisitor {
  /** `contentOffset`: where the entry's content starts in the tar. */
  begin(header: TarHeader, contentOffset: number): void;
  /** Bytes of the entry that began last, in order; the chunk is the visitor's only meanwhile. */
  content(chunk: Uint8Array): void;
  /** All of the entry's content was given. */
  end(): void;
}

export interface TarReadOptions {
  /** Names the object in errors. */
  readonly what: string;
  /**
   * Accepts the end of input in place of the two closing zero blocks, also inside the padding of
   * the last file: WAL-G's tars of remote backups lack them. Content must be whole all the same.
   */
  readonly isEndLenient?: boolean;
}

/** Reads USTAR, PAX and GNU tars; after the end of the tar there may be only zeros. */
export async function readTar(
  input: ByteStream,
  visitor: TarVisitor,
  options: TarReadOptions,
): Promise<void> {
  const reader = new TarReader(visitor, options);
  for await (const chunk of input) reader.push(chunk);
  reader.finish();
}

type State =
  | "header"
  /** Collecting the content of an extended header. */
  | "extension"
  | "content"
  | "padding"
  /** The first zero block was seen. */
  | "closing"
  | "closed";

const NO_RECORDS: PaxRecords = new Map();
const EXTENSIONS = "xgLK";

/** The state machine behind `readTar`: bounded by one header and one extended header. */
export class TarReader {
  readonly #visitor: TarVisitor;
  readonly #what: string;
  readonly #isEndLenient: boolean;
  readonly #block = new Uint8Array(TAR_BLOCK_BYTES);
  #blockBytes = 0;
  #state: State = "header";
  /** Bytes left of the content, the extension or the padding. */
  #remaining = 0;
  #position = 0;
  #paddingBytes = 0;
  #extension: { readonly type: string; readonly content: Uint8Array } | undefined;
  #globals = NO_RECORDS;
  #records: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(visitor: TarVisitor, options: TarReadOptions) {
    this.#visitor = visitor;
    this.#what = options.what;
    this.#isEndLenient = options.isEndLenient ?? false;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.byteLength) {
      const taken = this.#take(chunk, offset);
      offset += taken;
      this.#position += taken;
      this.#advance();
    }
  }

  /** The input has ended: throws unless the tar is whole. */
  finish(): void {
    if (this.#state === "closed") return;
    const isBetween = !this.#isExtended() && this.#extension === undefined;
    const isAtEnd =
      (this.#state === "header" && this.#blockBytes === 0) ||
      this.#state === "padding" ||
      (this.#state === "closing" && isZero(this.#block.subarray(0, this.#blockBytes)));
    if (this.#isEndLenient && isBetween && isAtEnd) return;
    this.#fail(`the tar ends early, after ${this.#position} bytes`);
  }

  /** Consumes some bytes in the present state; returns how many. */
  #take(chunk: Uint8Array, offset: number): number {
    const available = chunk.byteLength - offset;
    if (this.#state === "content" || this.#state === "extension") {
      const size = Math.min(available, this.#remaining);
      const piece = chunk.subarray(offset, offset + size);
      if (this.#state === "content") this.#visitor.content(piece);
      else this.#extension?.content.set(piece, this.#extension.content.length - this.#remaining);
      this.#remaining -= size;
      return size;
    }
    if (this.#state === "padding") {
      const size = Math.min(available, this.#remaining);
      this.#remaining -= size;
      return size;
    }
    if (this.#state === "closed") {
      if (!isZero(chunk.subarray(offset))) {
        this.#fail(`there is data after the end of the tar (byte ${this.#position})`);
      }
      return available;
    }
    const size = Math.min(available, TAR_BLOCK_BYTES - this.#blockBytes);
    this.#block.set(chunk.subarray(offset, offset + size), this.#blockBytes);
    this.#blockBytes += size;
    return size;
  }

  /** Moves to the next state as long as the present one has all its bytes. */
  #advance(): void {
    if (this.#state === "header" || this.#state === "closing") {
      if (this.#blockBytes === TAR_BLOCK_BYTES) this.#readBlock();
    }
    if (this.#state === "extension" && this.#remaining === 0) this.#readExtension();
    if (this.#state === "content" && this.#remaining === 0) {
      this.#visitor.end();
      this.#state = "padding";
      this.#remaining = this.#paddingBytes;
    }
    if (this.#state === "padding" && this.#remaining === 0) {
      this.#extension = undefined;
      this.#state = "header";
    }
  }

  #readBlock(): void {
    this.#blockBytes = 0;
    const decoded = decodeTarBlock(this.#block, this.#what);
    if (this.#state === "closing") {
      if (decoded !== undefined) this.#fail("a tar has an entry after a block of zeros");
      this.#state = "closed";
      return;
    }
    if (decoded === undefined) {
      if (this.#isExtended()) this.#fail("a tar ends after an extended header");
      this.#state = "closing";
      return;
    }
    const { type, header } = decoded;
    if (EXTENSIONS.includes(type)) this.#beginExtension(type, header.sizeBytes);
    else this.#beginEntry(type, header);
  }

  #beginExtension(type: string, sizeBytes: number): void {
    if (sizeBytes > PAX_BYTES_MAX) this.#fail(`an extended tar header of ${sizeBytes} bytes`);
    this.#extension = { type, content: new Uint8Array(sizeBytes) };
    this.#state = "extension";
    this.#remaining = sizeBytes;
    this.#paddingBytes = tarPaddingBytes(sizeBytes);
  }

  #readExtension(): void {
    const { type, content } = this.#extension ?? { type: "", content: new Uint8Array(0) };
    if (type === "x") this.#records = decodePaxRecords(content, this.#what);
    if (type === "g") {
      this.#globals = new Map([...this.#globals, ...decodePaxRecords(content, this.#what)]);
    }
    if (type === "L") this.#longName = this.#textOf(content);
    if (type === "K") this.#longLink = this.#textOf(content);
    this.#state = "padding";
    this.#remaining = this.#paddingBytes;
  }

  #beginEntry(type: string, block: TarHeader): void {
    const header = this.#complete(type, block);
    this.#records = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#state = "content";
    this.#remaining = header.sizeBytes;
    this.#paddingBytes = tarPaddingBytes(header.sizeBytes);
    this.#visitor.begin(header, this.#position);
  }

  /** The block with what the extended headers in front of it say. */
  #complete(type: string, block: TarHeader): TarHeader {
    const record = (key: string): string | undefined => {
      const value = this.#records?.get(key) ?? this.#globals.get(key);
      return value === "" ? undefined : value;
    };
    for (const key of [...(this.#records?.keys() ?? []), ...this.#globals.keys()]) {
      if (key.startsWith("GNU.sparse.")) this.#fail("sparse files in a tar are not supported");
    }
    const whole = (key: string, value: number): number => {
      const text = record(key);
      if (text === undefined) return value;
      const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      if (!Number.isSafeInteger(number)) this.#fail(`malformed ${key} in an extended tar header`);
      return number;
    };
    const name = record("path") ?? this.#longName ?? block.name;
    const kind = kindOf(type, name);
    if (kind === undefined) this.#fail(`unsupported type ${JSON.stringify(type)} of ${name}`);
    if (name === "") this.#fail("a tar entry has no name");
    const time = Number(record("mtime") ?? block.modifiedAtSeconds);
    if (!Number.isFinite(time)) this.#fail("malformed mtime in an extended tar header");
    return {
      ...block,
      name,
      kind,
      // Links and directories have no content, whatever old writers put into the size.
      sizeBytes: kind === "file" ? whole("size", block.sizeBytes) : 0,
      uid: whole("uid", block.uid),
      gid: whole("gid", block.gid),
      userName: record("uname") ?? block.userName,
      groupName: record("gname") ?? block.groupName,
      modifiedAtSeconds: Math.floor(time),
      linkName: record("linkpath") ?? this.#longLink ?? block.linkName,
    };
  }

  #isExtended(): boolean {
    return (
      this.#records !== undefined || this.#longName !== undefined || this.#longLink !== undefined
    );
  }

  #textOf(content: Uint8Array): string {
    const end = content.indexOf(0);
    return utf8Of(end === -1 ? content : content.subarray(0, end), this.#what);
  }

  #fail(detail: string): never {
    throw new CorruptObjectError(this.#what, detail);
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
