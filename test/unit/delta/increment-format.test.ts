// Proves the header of an increment byte by byte, with WAL-G's own example and OrioleDB's variant,
// and that anything else is refused.
import { describe, expect, it } from "vitest";
import {
  decodeIncrementHeader,
  hasOrioleHeader,
  incrementHeaderBytes,
} from "../../../src/delta/increment-format.ts";

/** Of eight pages, five changed: the example of the format's description. */
const EXAMPLE = Uint8Array.fromHex("77693155000001000000000005000000");
const PLAIN = { isOriole: false, what: "base/1/2" };

describe("increment header", () => {
  it("is read as WAL-G writes it", () => {
    expect(decodeIncrementHeader(EXAMPLE, PLAIN)).toEqual({
      fileBytes: 8 * 8192,
      pageBytes: 8192,
      blockCount: 5,
    });
  });

  it("has a page size in OrioleDB's files", () => {
    const bytes = Uint8Array.fromHex("776931550002000000000000000203000000");
    const options = { isOriole: true, what: "orioledb_data/1/2" };
    expect(decodeIncrementHeader(bytes, options)).toEqual({
      fileBytes: 512,
      pageBytes: 512,
      blockCount: 3,
    });
    expect(incrementHeaderBytes(true)).toBe(bytes.byteLength);
  });

  it.each([
    ["orioledb_data/1/16390", true],
    ["base/1/16390", false],
    ["orioledb_data/1/16390-3.map", false],
    ["base/orioledb_data.1/2", false],
  ])("of %s: OrioleDB's %s", (path, isOriole) => {
    expect(hasOrioleHeader(path)).toBe(isOriole);
  });

  it("is refused at every other length", () => {
    for (let size = 0; size < EXAMPLE.byteLength; size++) {
      expect(() => decodeIncrementHeader(EXAMPLE.subarray(0, size), PLAIN)).toThrow(/no whole/);
    }
  });

  it("is refused with any flipped bit of its magic, and with impossible sizes", () => {
    for (let bit = 0; bit < 32; bit++) {
      const damaged = EXAMPLE.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const message = bit >> 3 === 2 ? /unknown version/ : /does not begin/;
      expect(() => decodeIncrementHeader(damaged, PLAIN)).toThrow(message);
    }
    const huge = EXAMPLE.slice();
    huge.fill(0xff, 4, 12);
    expect(() => decodeIncrementHeader(huge, PLAIN)).toThrow(/claims/);
  });
});
