import { CorruptObjectError } from "../base/errors.ts";
import { decodeUtf8, type JsonValue, parseJson } from "../base/json.ts";
import { type ByteStream, concatBytes } from "./byte-stream.ts";

/** One member of the document or of one of its sections. */
export interface JsonMember {
  /** Key at the top: `Files`. */
  readonly section: string;
  /** Key inside the section; undefined when the section's value is no object. */
  readonly key: string | undefined;
  readonly value: JsonValue;
}

/** No member of a real document comes near; past it the document is damaged or hostile. */
const MEMBER_BYTES_MAX = 512 << 20;

/**
 * Reads `{ section: { key: value, … }, … }` member by member, so that a document of any size needs
 * the memory of its largest member. Strict: throws `CorruptObjectError` naming `what` and the
 * byte on anything that is not one such document, also when it ends too early.
 */
export async function readJsonMembers(
  stream: ByteStream,
  what: string,
  visit: (member: JsonMember) => void,
): Promise<void> {
  const scanner = new MemberScanner(what, visit);
  for await (const chunk of stream) scanner.push(chunk);
  scanner.end();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;

type State =
  | "start"
  | "key-or-end"
  | "key"
  | "in-key"
  | "colon"
  | "value"
  | "in-value"
  | "after-section"
  | "done";

/** Finds where keys and values begin and end; what lies between is judged by `parseJson`. */
class MemberScanner {
  readonly #what: string;
  readonly #visit: (member: JsonMember) => void;
  #state: State = "start";
  /** 1: among the sections, 2: inside one. */
  #level = 1;
  #section = "";
  #key: string | undefined;
  /** Inside a value: open brackets, and whether a string or an escape is open. */
  #depth = 0;
  #isString = false;
  #isEscape = false;
  /** Bytes of the key or value that is open, from earlier chunks. */
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #consumed = 0;

  constructor(what: string, visit: (member: JsonMember) => void) {
    this.#what = what;
    this.#visit = visit;
  }

  push(chunk: Uint8Array): void {
    let tokenStart = 0;
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#isIn("key") || this.#isIn("value")) {
        const end = this.#isIn("key") ? this.#keyEnd(chunk, at) : this.#valueEnd(chunk, at);
        if (end === chunk.byteLength) break;
        this.#keep(chunk.subarray(tokenStart, end));
        at = this.#isIn("key") ? this.#closeKey(end) : this.#closeValue(end);
      } else {
        tokenStart = at;
        at = this.#between(chunk[at] ?? 0, at);
        // A value's first byte may open a string or a bracket: it is scanned as part of it.
        if (this.#isIn("value")) at = tokenStart;
      }
    }
    if (this.#isIn("key") || this.#isIn("value")) this.#keep(chunk.subarray(tokenStart));
    this.#consumed += chunk.byteLength;
  }

  end(): void {
    if (this.#state !== "done") throw this.#fault("the document ends too early", 0);
  }

  #isIn(what: "key" | "value"): boolean {
    // Asked for each token: no text is put together for it.
    return what === "key" ? this.#state === "in-key" : this.#state === "in-value";
  }

  /** Handles one byte outside keys and values; gives the position after it. */
  #between(byte: number, at: number): number {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    const next = this.#next(byte);
    if (next === undefined) throw this.#fault("the structure is not that of a document", at);
    this.#state = next;
    return at + 1;
  }

  #next(byte: number): State | undefined {
    switch (this.#state) {
      case "start":
        return byte === BRACE_OPEN ? "key-or-end" : undefined;
      case "key-or-end":
        if (byte === BRACE_CLOSE) return this.#closeLevel();
        return byte === QUOTE ? "in-key" : undefined;
      case "key":
        return byte === QUOTE ? "in-key" : undefined;
      case "colon":
        return byte === COLON ? "value" : undefined;
      case "value":
        if (this.#level === 1 && byte === BRACE_OPEN) {
          this.#level = 2;
          return "key-or-end";
        }
        return "in-value";
      case "after-section":
        if (byte === COMMA) return "key";
        return byte === BRACE_CLOSE ? this.#closeLevel() : undefined;
      default:
        return undefined;
    }
  }

  /** Position of the closing quote, or the chunk's end. */
  #keyEnd(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.byteLength; at += 1) {
      const byte = chunk[at];
      if (this.#isEscape) this.#isEscape = false;
      else if (byte === BACKSLASH) this.#isEscape = true;
      else if (byte === QUOTE) return at;
    }
    return chunk.byteLength;
  }

  /** Position of the comma or brace behind the value, or the chunk's end. */
  #valueEnd(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.byteLength; at += 1) {
      const byte = chunk[at];
      if (this.#isString) {
        if (this.#isEscape) this.#isEscape = false;
        else if (byte === BACKSLASH) this.#isEscape = true;
        else if (byte === QUOTE) this.#isString = false;
      } else if (byte === QUOTE) {
        this.#isString = true;
      } else if (byte === BRACE_OPEN || byte === BRACKET_OPEN) {
        this.#depth += 1;
      } else if (this.#depth === 0 && (byte === COMMA || byte === BRACE_CLOSE)) {
        return at;
      } else if (byte === BRACE_CLOSE || byte === BRACKET_CLOSE) {
        this.#depth -= 1;
        if (this.#depth < 0) throw this.#fault("a bracket closes nothing", at);
      }
    }
    return chunk.byteLength;
  }

  #closeKey(end: number): number {
    const key = parseJson(`${this.#take()}"`, this.#place(end));
    if (typeof key !== "string") throw this.#fault("a key is no text", end);
    if (this.#level === 1) this.#section = key;
    this.#key = this.#level === 1 ? undefined : key;
    this.#state = "colon";
    return end + 1;
  }

  /** Does not consume the byte that ended the value. */
  #closeValue(end: number): number {
    const value = parseJson(this.#take(), this.#place(end));
    this.#visit({ section: this.#section, key: this.#key, value });
    this.#state = "after-section";
    return end;
  }

  #closeLevel(): State {
    if (this.#level === 2) {
      this.#level = 1;
      return "after-section";
    }
    return "done";
  }

  #keep(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.byteLength;
    if (this.#pieceBytes > MEMBER_BYTES_MAX) throw this.#fault("a member is too large", 0);
  }

  #take(): string {
    const bytes = concatBytes(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return decodeUtf8(bytes, this.#what);
  }

  #place(at: number): string {
    const member = this.#key === undefined ? "" : `/${this.#key}`;
    return `${this.#what}: before byte ${this.#consumed + at}, in ${this.#section}${member}`;
  }

  #fault(detail: string, at: number): CorruptObjectError {
    return new CorruptObjectError(this.#what, `byte ${this.#consumed + at}: ${detail}`);
  }
}
