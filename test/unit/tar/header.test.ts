// Proves that a tar header survives encoding and decoding in all forms that it may take (USTAR,
// split names, PAX records), that its bytes are those of the format, and that damage is refused.
import { describe, expect, it } from "vitest";
import {
  decodeTarBlock,
  encodeTarHeader,
  TAR_BLOCK_BYTES,
  type TarHeader,
  tarPaddingBytes,
} from "../../../src/tar/header.ts";
import { decodePaxRecords, encodePaxRecords } from "../../../src/tar/pax-records.ts";

const PLAIN: TarHeader = {
  name: "/base/5/16390",
  kind: "file",
  sizeBytes: 8192,
  mode: 0o600,
  uid: 999,
  gid: 998,
  userName: "postgres",
  groupName: "postgres",
  modifiedAtSeconds: 1_700_000_000,
  linkName: "",
};

function throws(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

describe("tar header", () => {
  it("writes the bytes of a USTAR block", () => {
    const block = encodeTarHeader(PLAIN);
    expect(block.byteLength).toBe(TAR_BLOCK_BYTES);
    const text = new TextDecoder("latin1").decode(block);
    expect(text.slice(0, 14)).toBe("/base/5/16390\0");
    expect(text.slice(100, 108)).toBe("0000600\0");
    expect(text.slice(124, 136)).toBe("00000020000\0");
    expect(text.slice(148, 156)).toMatch(/^[0-7]{6}\0 $/);
    expect(text.slice(156, 157)).toBe("0");
    expect(text.slice(257, 265)).toBe("ustar\x0000");
    expect(text.slice(265, 274)).toBe("postgres\0");
  });

  it.each([
    ["a file", PLAIN],
    ["the root directory", { ...PLAIN, name: "/", kind: "directory" as const, sizeBytes: 0 }],
    ["a link", { ...PLAIN, kind: "symlink" as const, sizeBytes: 0, linkName: "16390" }],
    ["an empty file with all mode bits", { ...PLAIN, sizeBytes: 0, mode: 0o7777 }],
    ["a name of exactly 100", { ...PLAIN, name: "x".repeat(100) }],
    [
      "a name that splits",
      { ...PLAIN, name: `/${"d".repeat(80)}/${"e".repeat(60)}/${"f".repeat(99)}` },
    ],
    ["a size of 8 GiB less one", { ...PLAIN, sizeBytes: 0o77777777777 }],
  ])("keeps %s in one block", (_title, header) => {
    const block = encodeTarHeader(header);
    expect(block.byteLength).toBe(TAR_BLOCK_BYTES);
    expect(decodeTarBlock(block, "t")?.header).toEqual(header);
  });

  it.each([
    ["path", { ...PLAIN, name: "/basis/é" }, "/basis/é"],
    ["path", { ...PLAIN, name: "x".repeat(300) }, "x".repeat(300)],
    ["size", { ...PLAIN, sizeBytes: 0o100000000000 }, "8589934592"],
    ["uid", { ...PLAIN, uid: 2_097_152 }, "2097152"],
    ["gid", { ...PLAIN, gid: 4_294_967_294 }, "4294967294"],
    ["uname", { ...PLAIN, userName: "müller" }, "müller"],
    ["mtime", { ...PLAIN, modifiedAtSeconds: -1 }, "-1"],
  ])("puts a %s that does not fit into a PAX record", (key, header, value) => {
    const blocks = encodeTarHeader(header);
    const extended = decodeTarBlock(blocks.subarray(0, TAR_BLOCK_BYTES), "t");
    expect(extended?.type).toBe("x");
    const sizeBytes = extended?.header.sizeBytes ?? 0;
    const content = blocks.subarray(TAR_BLOCK_BYTES, TAR_BLOCK_BYTES + sizeBytes);
    expect([...decodePaxRecords(content, "t")]).toEqual([[key, value]]);
    const next = TAR_BLOCK_BYTES + sizeBytes + tarPaddingBytes(sizeBytes);
    expect(decodeTarBlock(blocks.subarray(next), "t")?.type).toBe("0");
  });

  it("counts a record's length with its own digits", () => {
    for (const size of [1, 5, 6, 7, 8, 94, 95, 96, 97, 993, 994, 995, 996]) {
      const bytes = encodePaxRecords(new Map([["k", "v".repeat(size)]]));
      expect(decodePaxRecords(bytes, "t").get("k")).toHaveLength(size);
    }
  });

  it("refuses every prefix and every shifted length of a PAX header", () => {
    const bytes = encodePaxRecords(
      new Map([
        ["path", "/a"],
        ["size", "12"],
      ]),
    );
    const ends = new Set([0, bytes.indexOf(0x0a) + 1, bytes.byteLength]);
    for (let size = 0; size <= bytes.byteLength; size++) {
      const read = () => decodePaxRecords(bytes.subarray(0, size), "t");
      if (ends.has(size)) read();
      else expect(read).toThrow(/extended tar header/);
    }
    expect(() => decodePaxRecords(new TextEncoder().encode("0 \n"), "t")).toThrow();
    expect(() => decodePaxRecords(new TextEncoder().encode("-9 a=bcde\n"), "t")).toThrow();
  });

  it("reads no flipped bit of a header as anything else", () => {
    const block = encodeTarHeader(PLAIN);
    for (let bit = 0; bit < TAR_BLOCK_BYTES * 8; bit++) {
      const damaged = block.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const read = () => decodeTarBlock(damaged, "t");
      // In the checksum's own field a zero may turn into a space, which says the same.
      if (bit >> 3 < 148 || bit >> 3 >= 156) expect(read).toThrow(/tar header/);
      else if (throws(read)) continue;
      else expect(read()?.header).toEqual(PLAIN);
    }
  });

  it("reads GNU base-256 numbers and the old GNU magic", () => {
    const block = encodeTarHeader({ ...PLAIN, sizeBytes: 0 });
    block.fill(0, 124, 136);
    block[124] = 0x80;
    new DataView(block.buffer).setBigUint64(128, 0x2_0000_0001n);
    block.set(new TextEncoder().encode("ustar  \0"), 257);
    block.set(new TextEncoder().encode("        "), 148);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    expect(decodeTarBlock(block, "t")?.header.sizeBytes).toBe(0x2_0000_0001);
  });

  it("takes a block of zeros as no header", () => {
    expect(decodeTarBlock(new Uint8Array(TAR_BLOCK_BYTES), "t")).toBeUndefined();
  });
});
