import { ConfigError } from "../base/errors.ts";

/** The full name of an object below the storage root: `wal_005/000000010000000000000001.zst`. */
export type ObjectKey = string & { readonly __brand: "ObjectKey" };

/** Text → key. Rejects what could leave the root or confuse a store. */
export function toObjectKey(text: string): ObjectKey {
  const bad = faultOf(text);
  if (bad !== undefined) throw new ConfigError(`object key ${JSON.stringify(text)}: ${bad}`);
  return text as ObjectKey;
}

/** Whether a name found in a storage can be a key; a stranger's may be one that no key can have. */
export function isObjectKey(text: string): text is ObjectKey {
  return faultOf(text) === undefined;
}

function faultOf(text: string): string | undefined {
  if (text === "") return "is empty";
  if (new TextEncoder().encode(text).byteLength > 1024) return "is longer than 1024 bytes";
  for (const segment of text.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has a segment "${segment}"`;
  }
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return "has a control character";
  }
  return undefined;
}
