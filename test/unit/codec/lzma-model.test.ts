// Proves the header against WAL-G's bytes, both ways, and the states against the format's table.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import {
  decodeHeader,
  encodeHeader,
  LITERAL,
  newProbabilities,
  stateAfterLiteral,
  stateAfterMatch,
  stateAfterRep,
  stateAfterShortRep,
} from "../../../src/codec/lzma-model.ts";

const WALG = {
  literalContextBits: 3,
  literalPositionBits: 0,
  positionBits: 2,
  dictionaryBytes: 8 << 20,
  plainBytes: undefined,
};
const WALG_HEX = "5d00008000ffffffffffffffff";

describe("lzma header", () => {
  test("is WAL-G's", () => {
    expect(Buffer.from(encodeHeader(WALG)).toString("hex")).toBe(WALG_HEX);
    expect(decodeHeader(Buffer.from(WALG_HEX, "hex"))).toEqual(WALG);
  });

  test("keeps every property and a size", () => {
    for (let code = 0; code < 225; code++) {
      const properties = {
        literalContextBits: code % 9,
        literalPositionBits: Math.floor(code / 9) % 5,
        positionBits: Math.floor(code / 45),
        dictionaryBytes: 4096 + code,
        plainBytes: 2 ** 40 + code,
      };
      expect(encodeHeader(properties)[0]).toBe(code);
      expect(decodeHeader(encodeHeader(properties))).toEqual(properties);
    }
  });

  test.each([
    ["a cut", WALG_HEX.slice(0, -2)],
    ["properties that do not exist", `e1${WALG_HEX.slice(2)}`],
    ["a size above 2^53", `${WALG_HEX.slice(0, 10)}0000000000000040`],
    ["a negative size", `${WALG_HEX.slice(0, 10)}feffffffffffffff`],
  ])("is refused with %s", (_what, hex) => {
    expect(() => decodeHeader(Buffer.from(hex, "hex"))).toThrow(CorruptObjectError);
  });
});

test("states follow the format's table", () => {
  const states = Array.from({ length: 12 }, (_, index) => index);
  expect(states.map(stateAfterLiteral)).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5]);
  expect(states.map(stateAfterMatch)).toEqual([7, 7, 7, 7, 7, 7, 7, 10, 10, 10, 10, 10]);
  expect(states.map(stateAfterRep)).toEqual([8, 8, 8, 8, 8, 8, 8, 11, 11, 11, 11, 11]);
  expect(states.map(stateAfterShortRep)).toEqual([9, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11]);
});

test("probabilities begin even, with room for every literal context", () => {
  const probabilities = newProbabilities(WALG);
  expect(probabilities).toHaveLength(LITERAL + 0x300 * 8);
  expect(probabilities.every((probability) => probability === 1024)).toBe(true);
});
