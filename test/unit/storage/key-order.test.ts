// Proves that keys compare as their UTF-8 bytes, against the bytes themselves, on seeded texts.
import { expect, test } from "vitest";
import { compareKeys } from "../../../src/storage/key-order.ts";

const ALPHABET = ["a", "b", "/", "-", ".", "é", "\u{e000}", "\u{fffd}", "\u{10000}", "\u{1f600}"];
const SEED = 20_261_124;

function bytesOrder(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

test(`orders like Buffer.compare of the encoded keys (seed ${SEED})`, () => {
  let state = SEED;
  const next = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const text = () =>
    Array.from({ length: next(5) }, () => ALPHABET[next(ALPHABET.length)] ?? "").join("");
  for (let round = 0; round < 5000; round += 1) {
    const [left, right] = [text(), text()];
    expect(Math.sign(compareKeys(left, right))).toBe(bytesOrder(left, right));
  }
});

test("a folder sorts with its slash: `a-b` before `a/b`", () => {
  expect(["a/b", "a-b", "a0", "a.b"].sort(compareKeys)).toEqual(["a-b", "a.b", "a/b", "a0"]);
});
