import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * bun.lockb keeps the download address of every package, and with it the host of the registry
 * that happened to be configured. With the addresses emptied, versions and integrity hashes
 * stay, and `bun install --frozen-lockfile` takes each tarball from the registry that is
 * configured where it runs.
 *
 * Long strings lie in one buffer; a field that names one takes 8 bytes, little endian:
 *
 *   0  u32  offset from the buffer's start
 *   4  u32  length, top bit set
 *
 * Eight zero bytes are the empty string. Where the buffer starts is written nowhere that is
 * stable between versions, so it is inferred: the start that gives every address a reference.
 */
const ADDRESS = /https?:\/\/[!-~]*?\.tgz/g;
const REFERENCE_BYTES = 8;
const LENGTH_FLAG = 0x8000_0000;

interface Address {
  readonly position: number;
  readonly lengthBytes: number;
}

/** Download addresses in a binary lock file. */
export function findAddresses(file: Buffer): readonly Address[] {
  return [...file.toString("latin1").matchAll(ADDRESS)].map((match) => ({
    position: match.index,
    lengthBytes: match[0].length,
  }));
}

/** A copy without download addresses; throws when an address has no reference to empty. */
export function emptyAddresses(file: Buffer): Buffer {
  const addresses = findAddresses(file);
  const references = findReferences(file, addresses);
  const result = Buffer.from(file);
  for (const position of references) result.fill(0, position, position + REFERENCE_BYTES);
  for (const { position, lengthBytes } of addresses) {
    result.fill(" ", position, position + lengthBytes);
  }
  return result;
}

function findReferences(file: Buffer, addresses: readonly Address[]): readonly number[] {
  const first = addresses[0];
  if (first === undefined) return [];
  for (const mark of positionsOf(file, flaggedLength(first.lengthBytes))) {
    if (mark < 4) continue;
    const bufferStart = first.position - file.readUInt32LE(mark - 4);
    const references = bufferStart > 0 ? referencesFor(file, addresses, bufferStart) : undefined;
    if (references !== undefined) return references;
  }
  throw new Error(`nothing refers to the ${addresses.length} download addresses`);
}

/** undefined: with the buffer starting there, some address would have no reference. */
function referencesFor(
  file: Buffer,
  addresses: readonly Address[],
  bufferStart: number,
): readonly number[] | undefined {
  const found: number[] = [];
  for (const { position, lengthBytes } of addresses) {
    const offset = Buffer.alloc(4);
    offset.writeUInt32LE(position - bufferStart);
    const references = positionsOf(file, Buffer.concat([offset, flaggedLength(lengthBytes)]));
    if (references.length === 0) return undefined;
    found.push(...references);
  }
  return found;
}

function flaggedLength(lengthBytes: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(lengthBytes + LENGTH_FLAG);
  return field;
}

function positionsOf(file: Buffer, pattern: Buffer): readonly number[] {
  const positions: number[] = [];
  for (let at = file.indexOf(pattern); at >= 0; at = file.indexOf(pattern, at + 1)) {
    positions.push(at);
  }
  return positions;
}

/** `bun run lockfile [path]`, after every install that changed the lock file. */
if (import.meta.main) {
  const path = process.argv[2] ?? join(import.meta.dirname, "../bun.lockb");
  const file = readFileSync(path);
  const count = findAddresses(file).length;
  if (count > 0) writeFileSync(path, emptyAddresses(file));
  console.log(`${path}: ${count} download addresses emptied`);
}
