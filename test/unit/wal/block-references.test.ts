// Records written by hand, field by field as the headers of PostgreSQL say: which blocks they
// name, in the form of each version, whole and cut; every cut and every flipped byte is refused.
import { expect, test } from "vitest";
import { CRC32C_START, finishCrc32c, updateCrc32c } from "../../../src/base/crc32c.ts";
import { BlockReferences } from "../../../src/wal/block-references.ts";
import { ChangeLog } from "../../support/change-log.ts";
import { heapChange, recordBytes, u8, u16, u32 } from "../../support/made-wal.ts";

interface Told {
  readonly fault: string | undefined;
  readonly entries: readonly string[];
}

function read(record: Uint8Array, majorVersion = 17, cut = record.byteLength): Told {
  const changes = new ChangeLog();
  const references = new BlockReferences(changes);
  references.resume(majorVersion);
  const pieces: [number, number][] = [[0, cut]];
  if (cut < record.byteLength) pieces.push([cut, record.byteLength]);
  for (const [start, end] of pieces) {
    const fault = references.piece(record, start, end);
    if (fault !== undefined) return { fault, entries: changes.entries };
  }
  if (references.missingBytes() !== 0) return { fault: "missing", entries: changes.entries };
  return { fault: references.finish(), entries: changes.entries };
}

const RELATION = u32(1663, 5, 16384);
const bytes = (count: number): number[] => Array.from({ length: count }, () => 7);

/** Two blocks, one with an image, one of the same relation with data; origin, main data. */
const RICH = [
  ...[0, 0x10, ...u16(0), ...u16(100), ...u16(8), ...u8(0), ...RELATION, ...u32(3)],
  ...[2, 0x80 | 0x20 | 2, ...u16(5), ...u32(4_000_000_000)],
  ...[253, ...u16(1)],
  ...[255, 4],
  ...bytes(100 + 5 + 4),
];

test("names every block, whatever the fork", () => {
  const { fault, entries } = read(recordBytes(RICH));
  expect(fault).toBeUndefined();
  expect(entries).toEqual(["1663/5/16384:3", "1663/5/16384:4000000000"]);
});

test("a record that page ends cut anywhere says the same", () => {
  const record = recordBytes(RICH);
  const whole = read(record);
  for (let cut = 4; cut < record.byteLength; cut += 1) {
    expect(read(record, 17, cut), `cut at ${cut}`).toEqual(whole);
  }
});

test("no beginning of a record is taken for a record, and no flipped byte is missed", () => {
  const record = recordBytes(RICH);
  for (let size = 4; size < record.byteLength; size += 1) {
    expect(read(record.subarray(0, size)).fault, `${size} bytes`).toBeDefined();
  }
  for (let at = 0; at < record.byteLength; at += 1) {
    const changed = record.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x20;
    expect(read(changed).fault, `byte ${at}`).toBeDefined();
  }
});

test.each([
  // Kind of image: has a hole (1), compressed, and so a length of the hole follows.
  [13, 1 | 2, true],
  [14, 1 | 2, true],
  [14, 1 | 4, false],
  [15, 1 | 4, true],
  [15, 1 | 8, true],
  [18, 1 | 16, true],
  [15, 1 | 2, false],
  [15, 4, false],
  [13, 2, false],
])("version %i, image of kind %i: the hole has a length: %s", (majorVersion, kind, hasLength) => {
  const image = [...u16(50), ...u16(8), ...u8(kind), ...(hasLength ? u16(600) : [])];
  const body = [0, 0x10, ...u16(0), ...image, ...RELATION, ...u32(9), ...bytes(50)];
  const told = read(recordBytes(body), majorVersion);
  expect(told).toEqual({ fault: undefined, entries: ["1663/5/16384:9"] });
});

test("the transaction at the top is known from 14 on", () => {
  const body = [252, ...u32(700), ...heapChange(16384, 1)];
  expect(read(recordBytes(body), 14).fault).toBeUndefined();
  expect(read(recordBytes(body), 13).fault).toContain("unknown kind 252");
});

test("main data may be longer than 255 bytes, and absent", () => {
  expect(read(recordBytes(heapChange(16384, 1, 70_000))).entries).toEqual(["1663/5/16384:1"]);
  expect(read(recordBytes([]))).toEqual({ fault: undefined, entries: [] });
});

test.each([
  ["an unknown header", [33, 0, 0], "unknown kind 33"],
  ["blocks out of order", [...blockHeader(1), ...blockHeader(1)], "block 1 after 1"],
  ["an unknown fork", [0, 4, ...u16(0), ...RELATION, ...u32(1)], "fork 4"],
  ["data without its flag", [0, 0, ...u16(1), ...RELATION, ...u32(1), 7], "data disagree"],
  ["data of no length", [0, 0x20, ...u16(0), ...RELATION, ...u32(1)], "data disagree"],
  ["no relation before", [0, 0x80, ...u16(0), ...u32(1)], "before any"],
  ["no block", [0, 0, ...u16(0), ...RELATION, ...u32(0xffff_ffff)], "names no block"],
  ["no relation", [0, 0, ...u16(0), ...u32(1663, 5, 0), ...u32(1)], "names no block"],
  ["too much data", [255, 200, 1, 2, 3], "promise other lengths"],
  ["too little data", [255, 1, 7, 7], "promise other lengths"],
])("refuses %s, though the checksum is right", (_, body, fault) => {
  expect(read(recordBytes(body)).fault).toContain(fault);
});

function blockHeader(id: number): number[] {
  return [id, 0, ...u16(0), ...RELATION, ...u32(1)];
}

test("follows a record that is too long to be kept, unless its end matters", () => {
  const main = new Uint8Array(17 << 20);
  const body = [0, 0, ...u16(0), ...RELATION, ...u32(6), 254, ...u32(main.byteLength)];
  const start = recordBytes(body);
  const record = new Uint8Array(start.byteLength + main.byteLength);
  record.set(start);
  const long = (manager: number) => {
    record[16] = 0x80;
    record[17] = manager;
    new DataView(record.buffer).setUint32(0, record.byteLength, true);
    return withChecksum(record);
  };
  const cut = 8000;
  expect(read(long(10), 17, cut)).toEqual({ fault: undefined, entries: ["1663/5/16384:6"] });
  expect(read(long(1), 17, cut).fault).toContain("too long to be kept");
});

function withChecksum(record: Uint8Array): Uint8Array {
  const view = new DataView(record.buffer);
  const crc = updateCrc32c(CRC32C_START, record, 24, record.byteLength);
  view.setUint32(20, finishCrc32c(updateCrc32c(crc, record, 0, 20)), true);
  return record;
}
