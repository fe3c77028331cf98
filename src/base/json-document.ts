import { CorruptObjectError } from "./errors.ts";
import { isJsonObject, type JsonObject, type JsonValue, parseJsonObject } from "./json.ts";

const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

/**
 * Strict, typed access to the fields of one JSON object. As in Go a key matches exactly or, when
 * no key does, without regard to case; null counts as absent. Every fault names object and field.
 */
export class JsonDocument {
  readonly what: string;
  readonly object: JsonObject;

  constructor(what: string, object: JsonObject) {
    this.what = what;
    this.object = object;
  }

  static parse(what: string, text: string): JsonDocument {
    return new JsonDocument(what, parseJsonObject(text, what));
  }

  /** The value as it is; undefined when absent or null. */
  value(key: string): JsonValue | undefined {
    const own = Object.hasOwn(this.object, key) ? this.object[key] : this.#folded(key);
    return own === null ? undefined : own;
  }

  text(key: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.fault(key, "is not text");
  }

  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value === "boolean") return value;
    throw this.fault(key, "is neither true nor false");
  }

  /** 64 bits unsigned: LSNs, system identifiers. */
  unsigned(key: string): bigint | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value))) {
      const whole = BigInt(value);
      if (whole >= 0n && whole <= UINT64_MAX) return whole;
    }
    throw this.fault(key, "is not a whole number of 64 bits");
  }

  /** A count or a size: whole, not negative, below 2^53. */
  count(key: string): number | undefined {
    const value = this.unsigned(key);
    if (value === undefined) return undefined;
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.fault(key, "is larger than any real size");
  }

  nested(key: string): JsonDocument | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (isJsonObject(value)) return new JsonDocument(`${this.what}: ${key}`, value);
    throw this.fault(key, "is not an object");
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw this.fault(key, "is not a list of texts");
  }

  required<T>(key: string, value: T | undefined): T {
    if (value === undefined) throw this.fault(key, "is missing");
    return value;
  }

  fault(key: string, detail: string): CorruptObjectError {
    return new CorruptObjectError(this.what, `field ${key} ${detail}`);
  }

  #folded(key: string): JsonValue | undefined {
    const wanted = key.toLowerCase();
    const found = Object.keys(this.object).findLast((own) => {
      return own.length === wanted.length && own.toLowerCase() === wanted;
    });
    return found === undefined ? undefined : this.object[found];
  }
}
