// Streams compare by content however they are cut, and a difference anywhere is found.
import { expect, test } from "vitest";
import { isSameContent } from "../../../src/stream/compare.ts";

const content = Uint8Array.from({ length: 40 }, (_, index) => index);

async function* cut(bytes: Uint8Array, sizeBytes: number, onReturn = () => {}) {
  try {
    for (let at = 0; at < bytes.byteLength; at += sizeBytes) {
      yield bytes.subarray(at, at + sizeBytes);
      yield new Uint8Array(0);
    }
  } finally {
    onReturn();
  }
}

test("does not depend on the cuts", async () => {
  for (const one of [1, 3, 7, 40]) {
    for (const other of [1, 2, 40]) {
      expect(await isSameContent(cut(content, one), cut(content, other))).toBe(true);
    }
  }
  expect(await isSameContent(cut(content.subarray(0, 0), 1), cut(content.subarray(0, 0), 1))).toBe(
    true,
  );
});

test("finds each changed byte, each missing end, and lets go of both streams", async () => {
  for (let at = 0; at < content.byteLength; at += 1) {
    const changed = content.slice();
    changed[at] = 255;
    let returned = 0;
    const count = () => {
      returned += 1;
    };
    const isSame = isSameContent(cut(content, 7, count), cut(changed, 5, count));
    expect(await isSame).toBe(false);
    expect(returned).toBe(2);
    expect(await isSameContent(cut(content, 7), cut(content.subarray(0, at), 5))).toBe(false);
    expect(await isSameContent(cut(content.subarray(0, at), 7), cut(content, 5))).toBe(false);
  }
});
