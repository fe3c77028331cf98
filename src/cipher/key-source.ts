import { readFileSync } from "node:fs";
import { ConfigError, errnoOf, messageOf } from "../base/errors.ts";
import type { SettingReader } from "../base/setting-reader.ts";

export type ReadFile = (path: string) => Uint8Array;

/** The white space that WAL-G takes off both ends of a key file, as UTF-8 bytes. */
const WHITE_SPACE = Array.from(
  "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009" +
    "\u200a\u2028\u2029\u202f\u205f\u3000",
  (character) => Buffer.from(character),
);

/**
 * A key from the settings: the text itself, as it is, or what a file holds, trimmed; the text
 * wins. undefined when neither is set. A key is never empty: that would be no encryption.
 */
export function readKey(
  settings: SettingReader,
  names: { readonly text: string; readonly path: string },
  readFile: ReadFile = readFileSync,
): Uint8Array | undefined {
  const text = settings.text(names.text);
  if (text !== undefined) return notEmpty(Buffer.from(text), names.text);
  const path = settings.text(names.path);
  if (path === undefined) return undefined;
  return readTrimmedKey(path, `${names.path}=${path}`, readFile);
}

/** What a file of one key holds, without white space around it. */
export function readTrimmedKey(path: string, where: string, readFile: ReadFile): Uint8Array {
  return notEmpty(trimmed(readKeyFile(path, where, readFile)), where);
}

/** The file as it is; `where` names it in messages. */
export function readKeyFile(path: string, where: string, readFile: ReadFile): Uint8Array {
  try {
    return readFile(path);
  } catch (error) {
    const problem = new ConfigError(
      `${where}: cannot be read (${errnoOf(error) ?? messageOf(error)})`,
      "Name a file that holds the key and that the user running tidemark may read.",
    );
    problem.cause = error;
    throw problem;
  }
}

function notEmpty(key: Uint8Array, where: string): Uint8Array {
  if (key.byteLength > 0) return key;
  throw new ConfigError(`${where}: the key is empty`, "Set a key, or unset it to store in plain.");
}

/** Keys may be any bytes, so this works on bytes. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let rest = Buffer.from(bytes);
  for (let before = -1; before !== rest.byteLength; ) {
    before = rest.byteLength;
    for (const space of WHITE_SPACE) {
      if (rest.subarray(0, space.byteLength).equals(space)) rest = rest.subarray(space.byteLength);
      const end = rest.byteLength - space.byteLength;
      if (end >= 0 && rest.subarray(end).equals(space)) rest = rest.subarray(0, end);
    }
  }
  return rest;
}
