import { CorruptObjectError } from "../base/errors.ts";

/**
 * PAX extended header: records `<length> <key>=<value>\n`, where length is decimal and counts
 * the whole record with itself (POSIX.1-2001, pax, "pax Extended Header"). Text is UTF-8.
 */
export type PaxRecords = ReadonlyMap<string, string>;

/** Far above what a path of 4096 bytes needs; a header that claims more is damaged. */
export const PAX_BYTES_MAX = 1 << 20;

export function encodePaxRecords(records: PaxRecords): Uint8Array {
  const encoder = new TextEncoder();
  let text = "";
  for (const [key, value] of records) {
    const body = ` ${key}=${value}\n`;
    const bodyBytes = encoder.encode(body).byteLength;
    // The length counts its own digits, which may add one more digit.
    let length = bodyBytes + String(bodyBytes).length;
    length = bodyBytes + String(length).length;
    text += `${length}${body}`;
  }
  return encoder.encode(text);
}

/** `what` names the object in errors. An empty value removes an earlier global one. */
export function decodePaxRecords(content: Uint8Array, what: string): PaxRecords {
  const records = new Map<string, string>();
  let offset = 0;
  while (offset < content.byteLength) {
    const space = content.indexOf(0x20, offset);
    const length = space === -1 ? Number.NaN : decimalOf(content, offset, space);
    const end = offset + length;
    const equals = content.indexOf(0x3d, space);
    // Negated, so that NaN fails too.
    const isWhole = end <= content.byteLength && equals > space && equals < end;
    if (!isWhole || content[end - 1] !== 0x0a) {
      throw new CorruptObjectError(what, `malformed extended tar header at its byte ${offset}`);
    }
    const key = utf8Of(content.subarray(space + 1, equals), what);
    records.set(key, utf8Of(content.subarray(equals + 1, end - 1), what));
    offset = end;
  }
  return records;
}

function decimalOf(content: Uint8Array, start: number, end: number): number {
  if (end === start || end - start > 8) return Number.NaN;
  let value = 0;
  for (let index = start; index < end; index++) {
    const digit = (content[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A name that is not UTF-8 cannot be kept as text: better refused than restored under another. */
export function utf8Of(bytes: Uint8Array, what: string): string {
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    throw new CorruptObjectError(what, "a name in the tar is not UTF-8", { cause });
  }
}
