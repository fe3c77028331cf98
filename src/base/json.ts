import { CorruptObjectError } from "./errors.ts";

/** What JSON can hold. A whole number past 2^53 is a bigint, every other number a number. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = { readonly [key: string]: JsonValue };

/** Nothing that a database tool stores nests deeper; past it a document is hostile. */
const DEPTH_MAX = 200;

/**
 * Strict RFC 8259. Whole numbers keep every digit (system identifiers and LSNs pass 2^53); of
 * keys that come twice the last counts, as for Go and `JSON.parse`. Throws `CorruptObjectError`
 * naming `what` and the place.
 */
export function parseJson(text: string, what: string): JsonValue {
  const parser = new Parser(text, what);
  return parser.document();
}

/** As `parseJson`, for a document that must be an object. */
export function parseJsonObject(text: string, what: string): JsonObject {
  const value = parseJson(text, what);
  if (!isJsonObject(value)) throw new CorruptObjectError(what, "is JSON, but not an object");
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without `stream: true` a decoder keeps nothing between calls. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes → text; throws `CorruptObjectError` where they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new CorruptObjectError(what, "is not UTF-8 text", { cause });
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WHOLE = /^-?[0-9]+$/;
const SPACE = /[ \t\n\r]*/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
class Parser {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#fault("text after the document");
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > DEPTH_MAX) throw this.#fault(`nested deeper than ${DEPTH_MAX}`);
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    const members: Record<string, JsonValue> = {};
    this.#at += 1;
    this.#space();
    if (this.#skip("}")) return members;
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#fault("a key in quotes was expected");
      const key = this.#string();
      this.#space();
      if (!this.#skip(":")) throw this.#fault('":" was expected');
      const value = this.#value(depth + 1);
      if (key === "__proto__") {
        Object.defineProperty(members, key, { value, enumerable: true, configurable: true });
      } else {
        members[key] = value;
      }
      this.#space();
    } while (this.#skip(","));
    if (!this.#skip("}")) throw this.#fault('"," or "}" was expected');
    return members;
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.#at += 1;
    this.#space();
    if (this.#skip("]")) return items;
    do {
      items.push(this.#value(depth + 1));
      this.#space();
    } while (this.#skip(","));
    if (!this.#skip("]")) throw this.#fault('"," or "]" was expected');
    return items;
  }

  #string(): string {
    const start = this.#at;
    let isEscaped = false;
    for (let end = start + 1; end < this.#text.length; end += 1) {
      const code = this.#text.charCodeAt(end);
      if (code === QUOTE) {
        this.#at = end + 1;
        if (!isEscaped) return this.#text.slice(start + 1, end);
        return this.#unescaped(start);
      }
      if (code < 0x20) {
        this.#at = end;
        throw this.#fault("a control character in a string");
      }
      if (code === BACKSLASH) {
        isEscaped = true;
        end += 1;
      }
    }
    throw this.#fault("a string is not finished");
  }

  #unescaped(start: number): string {
    try {
      return String(JSON.parse(this.#text.slice(start, this.#at)));
    } catch {
      this.#at = start;
      throw this.#fault("a string has a bad escape");
    }
  }

  #number(): number | bigint {
    const token = this.#match(NUMBER);
    if (token === undefined) throw this.#fault("a value was expected");
    const number = Number(token);
    if (WHOLE.test(token) && !Number.isSafeInteger(number)) return BigInt(token);
    if (!Number.isFinite(number)) throw this.#fault("a number is out of range");
    return number;
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fault("a value was expected");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #skip(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token !== undefined) this.#at += token.length;
    return token;
  }

  #fault(detail: string): CorruptObjectError {
    const before = this.#text.slice(0, this.#at);
    const line = before.split("\n").length;
    const column = this.#at - before.lastIndexOf("\n");
    return new CorruptObjectError(
      this.#what,
      `not valid JSON at line ${line} column ${column}: ${detail}`,
    );
  }
}

export interface PrintJsonOptions {
  /**
   * `go`: as Go's encoder, `<`, `>`, `&`, U+2028 and U+2029 become `\u003c` and so on.
   * `plain`: only what JSON demands.
   */
  readonly escaping: "go" | "plain";
  /** Spaces per level; undefined: one line without spaces. */
  readonly indent?: number | undefined;
}

/**
 * Value → text. Keys come in the order that the object has; a `Map` prints as an object in its own
 * order, which is the only way to keep keys that look like numbers in place. Keys whose value is
 * undefined are left out. A number that JSON cannot hold is a bug of the caller.
 */
export function printJson(value: unknown, options: PrintJsonOptions): string {
  return print(value, options, "");
}

function print(value: unknown, options: PrintJsonOptions, margin: string): string {
  switch (typeof value) {
    case "string":
      return quoteJson(value, options.escaping);
    case "boolean":
    case "bigint":
      return String(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`);
      return JSON.stringify(value);
    case "object": {
      if (value === null) return "null";
      if (Array.isArray(value)) {
        const items = value.map((item) => (inner: string) => print(item, options, inner));
        return printItems("[", items, "]", options, margin);
      }
      const entries = value instanceof Map ? [...value.entries()] : Object.entries(value);
      const colon = options.indent === undefined ? ":" : ": ";
      const members = entries
        .filter((entry) => entry[1] !== undefined)
        .map(([key, member]) => (inner: string) => {
          return quoteJson(String(key), options.escaping) + colon + print(member, options, inner);
        });
      return printItems("{", members, "}", options, margin);
    }
    default:
      throw new TypeError(`JSON has no ${typeof value}`);
  }
}

function printItems(
  open: string,
  items: readonly ((margin: string) => string)[],
  close: string,
  options: PrintJsonOptions,
  margin: string,
): string {
  if (items.length === 0) return open + close;
  if (options.indent === undefined) return open + items.map((item) => item("")).join(",") + close;
  const inner = margin + " ".repeat(options.indent);
  const lines = items.map((item) => `\n${inner}${item(inner)}`);
  return `${open}${lines.join(",")}\n${margin}${close}`;
}

const GO_ESCAPED = /[<>&\u2028\u2029]/g;

/** A JSON string in quotes. What is not valid Unicode becomes U+FFFD, as from Go. */
export function quoteJson(text: string, escaping: PrintJsonOptions["escaping"]): string {
  const quoted = JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
  if (escaping === "plain") return quoted;
  return quoted.replace(GO_ESCAPED, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The value with the keys of every object in byte order, as Go prints a map. */
export function sortKeys(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map((item: JsonValue) => sortKeys(item));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort((a, b) => compareBytes(a[0], b[0]));
  return new Map(entries.map(([key, member]) => [key, sortKeys(member)]));
}

/** Order of the texts' UTF-8 bytes: that of their code points. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Whether two values mean the same. Numbers compare by value, whether number or bigint; with
 * `isLossy` two whole numbers are also equal when they round to the same 64-bit float, which is
 * how WAL-G reads and writes user data.
 */
export function equalJson(a: JsonValue, b: JsonValue, isLossy = false): boolean {
  if (isNumeric(a) && isNumeric(b)) {
    // Number and bigint compare by their exact values.
    // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 is the point
    return a == b || (isLossy && Number(a) === Number(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    const others: readonly JsonValue[] = b;
    return (
      a.length === b.length && a.every((item, i) => equalJson(item, others[i] ?? null, isLossy))
    );
  }
  if (isJsonObject(a) && isJsonObject(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => {
        return Object.hasOwn(b, key) && equalJson(a[key] ?? null, b[key] ?? null, isLossy);
      })
    );
  }
  return a === b;
}

function isNumeric(value: JsonValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
