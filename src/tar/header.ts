import { assert } from "../base/assert.ts";
import { CorruptObjectError } from "../base/errors.ts";
import { encodePaxRecords, utf8Of } from "./pax-records.ts";

/*
 * One tar header block, 512 bytes (USTAR, POSIX.1-1988; GNU differences in brackets):
 *
 *   0  100 name             124 12 size, octal       157 100 link name      329 8 device major
 * 100    8 mode, octal      136 12 mtime, octal      257   6 "ustar\0"      337 8 device minor
 * 108    8 uid, octal       148  8 checksum          263   2 "00"           345 155 name prefix
 * 116    8 gid, octal       156  1 type              265  32 user name      500  12 zeros
 *                           [magic "ustar  \0"]      297  32 group name
 *
 * Numbers are octal text ended by NUL or space, or big-endian base 256 when the first bit is set
 * (GNU). The checksum is the sum of all bytes with its own field as spaces. What does not fit goes
 * into a PAX header (type x) in front, as Go's writer does it, from which WAL-G's tars come.
 */
export const TAR_BLOCK_BYTES = 512;

/** Two zero blocks end a tar. */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;

export type TarKind =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character"
  | "block"
  | "fifo";

export interface TarHeader {
  /** As stored, without a change: with or without leading slash, `/` for the root. */
  readonly name: string;
  readonly kind: TarKind;
  /** Content bytes that follow; 0 for everything but files. */
  readonly sizeBytes: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Whole seconds since 1970. */
  readonly modifiedAtSeconds: number;
  readonly linkName: string;
}

const TYPE_OF: Readonly<Record<TarKind, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

const SIZE_MAX = 0o77777777777;
const ID_MAX = 0o7777777;

/** Bytes between the end of an entry's content and the next block. */
export function tarPaddingBytes(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

/** The header blocks of one entry: one block, or a PAX header, its records and one block. */
export function encodeTarHeader(header: TarHeader): Uint8Array {
  assert(Number.isSafeInteger(header.sizeBytes) && header.sizeBytes >= 0, "a tar entry has a size");
  assert(header.kind === "file" || header.sizeBytes === 0, "only files have content");
  assert(!`${header.name}${header.linkName}`.includes("\0"), "a name has no NUL");
  const records = paxRecordsOf(header);
  if (records.size === 0) {
    const block = new Uint8Array(TAR_BLOCK_BYTES);
    writeBlock(block, header, TYPE_OF[header.kind]);
    return block;
  }
  const content = encodePaxRecords(records);
  const contentBytes = content.byteLength + tarPaddingBytes(content.byteLength);
  const blocks = new Uint8Array(TAR_BLOCK_BYTES + contentBytes + TAR_BLOCK_BYTES);
  writeBlock(blocks.subarray(0, TAR_BLOCK_BYTES), paxHeaderOf(header, content.byteLength), "x");
  blocks.set(content, TAR_BLOCK_BYTES);
  writeBlock(blocks.subarray(TAR_BLOCK_BYTES + contentBytes), header, TYPE_OF[header.kind]);
  return blocks;
}

/** What a USTAR block cannot hold. */
function paxRecordsOf(header: TarHeader): Map<string, string> {
  const records = new Map<string, string>();
  if (splitName(header.name) === undefined) records.set("path", header.name);
  if (!fits(header.linkName, 100)) records.set("linkpath", header.linkName);
  if (header.sizeBytes > SIZE_MAX) records.set("size", String(header.sizeBytes));
  if (header.uid > ID_MAX) records.set("uid", String(header.uid));
  if (header.gid > ID_MAX) records.set("gid", String(header.gid));
  if (!fits(header.userName, 32)) records.set("uname", header.userName);
  if (!fits(header.groupName, 32)) records.set("gname", header.groupName);
  if (header.modifiedAtSeconds < 0 || header.modifiedAtSeconds > SIZE_MAX) {
    records.set("mtime", String(header.modifiedAtSeconds));
  }
  return records;
}

function paxHeaderOf(header: TarHeader, sizeBytes: number): TarHeader {
  const slash = header.name.lastIndexOf("/");
  const name = `${header.name.slice(0, slash + 1)}PaxHeaders.0/${header.name.slice(slash + 1)}`;
  return {
    ...header,
    name: asciiOf(name).slice(0, 100).replace(/\/$/, ""),
    linkName: "",
    sizeBytes,
    mode: 0,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAtSeconds: 0,
  };
}

function writeBlock(block: Uint8Array, header: TarHeader, type: string): void {
  const split = splitName(header.name) ?? { prefix: "", name: asciiOf(header.name).slice(0, 100) };
  writeText(block, 0, split.name, 100);
  writeOctal(block, 100, header.mode, 8);
  writeOctal(block, 108, header.uid > ID_MAX ? 0 : header.uid, 8);
  writeOctal(block, 116, header.gid > ID_MAX ? 0 : header.gid, 8);
  writeOctal(block, 124, header.sizeBytes > SIZE_MAX ? 0 : header.sizeBytes, 12);
  const hasTime = header.modifiedAtSeconds >= 0 && header.modifiedAtSeconds <= SIZE_MAX;
  writeOctal(block, 136, hasTime ? header.modifiedAtSeconds : 0, 12);
  writeText(block, 156, type, 1);
  writeText(block, 157, asciiOf(header.linkName).slice(0, 100), 100);
  writeText(block, 257, "ustar\x0000", 8);
  writeText(block, 265, asciiOf(header.userName).slice(0, 32), 32);
  writeText(block, 297, asciiOf(header.groupName).slice(0, 32), 32);
  writeOctal(block, 329, 0, 8);
  writeOctal(block, 337, 0, 8);
  writeText(block, 345, split.prefix, 155);
  writeText(block, 148, `${checksumOf(block).toString(8).padStart(6, "0")}\0 `, 8);
}

/** The name as USTAR keeps it; undefined when it needs a PAX record. */
function splitName(name: string): { readonly prefix: string; readonly name: string } | undefined {
  if (!isAscii(name)) return undefined;
  if (name.length <= 100) return { prefix: "", name };
  // The last slash that leaves at most 155 characters in front of it.
  const slash = name.lastIndexOf("/", 155);
  const rest = name.slice(slash + 1);
  if (slash <= 0 || rest === "" || rest.length > 100) return undefined;
  return { prefix: name.slice(0, slash), name: rest };
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return false;
  }
  return true;
}

function asciiOf(text: string): string {
  return isAscii(text) ? text : text.replace(/[^\0-\x7f]/g, "");
}

function fits(text: string, sizeBytes: number): boolean {
  return isAscii(text) && text.length <= sizeBytes;
}

function writeText(block: Uint8Array, offset: number, text: string, sizeBytes: number): void {
  assert(text.length <= sizeBytes, "the text fits its tar field");
  for (let index = 0; index < text.length; index++) block[offset + index] = text.charCodeAt(index);
}

function writeOctal(block: Uint8Array, offset: number, value: number, sizeBytes: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "a tar number is whole");
  writeText(block, offset, value.toString(8).padStart(sizeBytes - 1, "0"), sizeBytes - 1);
}

function checksumOf(block: Uint8Array): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < TAR_BLOCK_BYTES; index++) {
    if (index < 148 || index >= 156) sum += block[index] ?? 0;
  }
  return sum;
}

/** One decoded block; `type` is still the raw letter, as extended headers are blocks too. */
export interface TarBlock {
  readonly type: string;
  readonly header: TarHeader;
}

/** One header block; undefined for a block of zeros. `what` names the object in errors. */
export function decodeTarBlock(block: Uint8Array, what: string): TarBlock | undefined {
  assert(block.byteLength === TAR_BLOCK_BYTES, "a tar block has 512 bytes");
  if (block.every((byte) => byte === 0)) return undefined;
  if (readNumber(block, 148, 8, what) !== checksumOf(block)) {
    throw new CorruptObjectError(what, "the checksum of a tar header is wrong");
  }
  const type = String.fromCharCode(block[156] ?? 0);
  const isUstar = latin1Of(block, 257, 8) === "ustar\x0000";
  const prefix = isUstar ? readText(block, 345, 155, what) : "";
  const name = readText(block, 0, 100, what);
  return {
    type,
    header: {
      name: prefix === "" ? name : `${prefix}/${name}`,
      kind: kindOf(type, name) ?? "file",
      sizeBytes: readNumber(block, 124, 12, what),
      mode: readNumber(block, 100, 8, what) & 0o7777,
      uid: readNumber(block, 108, 8, what),
      gid: readNumber(block, 116, 8, what),
      userName: readText(block, 265, 32, what),
      groupName: readText(block, 297, 32, what),
      modifiedAtSeconds: readNumber(block, 136, 12, what),
      linkName: readText(block, 157, 100, what),
    },
  };
}

/** What an ordinary type letter means; undefined for extended headers and unknown letters. */
export function kindOf(type: string, name: string): TarKind | undefined {
  // Before POSIX, with type NUL, a directory was a file whose name ends in a slash.
  if (type === "\0") return name.endsWith("/") ? "directory" : "file";
  return KIND_OF.get(type);
}

const KIND_OF: ReadonlyMap<string, TarKind> = new Map([
  ...Object.entries(TYPE_OF).map(([kind, letter]): [string, TarKind] => [letter, kind as TarKind]),
  // Contiguous files of old systems are files.
  ["7", "file"],
]);

function readText(block: Uint8Array, offset: number, sizeBytes: number, what: string): string {
  let end = offset;
  while (end < offset + sizeBytes && block[end] !== 0) end++;
  return utf8Of(block.subarray(offset, end), what);
}

function latin1Of(block: Uint8Array, offset: number, sizeBytes: number): string {
  return String.fromCharCode(...block.subarray(offset, offset + sizeBytes));
}

function readNumber(block: Uint8Array, offset: number, sizeBytes: number, what: string): number {
  const first = block[offset] ?? 0;
  const value =
    (first & 0x80) === 0
      ? readOctal(latin1Of(block, offset, sizeBytes))
      : readBase256(block.subarray(offset, offset + sizeBytes));
  if (value === undefined) {
    throw new CorruptObjectError(what, `a number in a tar header is malformed (byte ${offset})`);
  }
  return value;
}

function readOctal(text: string): number | undefined {
  const digits = /^ *([0-7]*)[\0 ]*$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** Big endian; the second highest bit is the sign. Only times may be negative, and none are. */
function readBase256(field: Uint8Array): number | undefined {
  let value = 0n;
  for (const [index, byte] of field.entries()) {
    value = (value << 8n) | BigInt(index === 0 ? byte & 0x7f : byte);
  }
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}
