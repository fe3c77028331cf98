// Proves the arithmetic of WAL-G's layout, and where each tag belongs.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import {
  checkTag,
  openedBytes,
  plainChunks,
  STORED_CHUNK_BYTES,
  sealedBytes,
  TAG_FINAL,
  TAG_MESSAGE,
} from "../../../src/cipher/secretstream.ts";

describe("secretstream layout", () => {
  test.each([
    [0, 1, 17],
    [1, 1, 18],
    [8191, 1, 8208],
    [8192, 2, 8226],
    [8193, 2, 8227],
    [16384, 3, 16435],
  ])("%d last plain bytes are %d chunks of %d bytes", (plainBytes, chunks, storedBytes) => {
    expect(plainChunks(plainBytes, true)).toBe(chunks);
    expect(sealedBytes(plainBytes, true)).toBe(storedBytes);
    expect(openedBytes(storedBytes, true)).toBe(plainBytes);
  });

  test("has no final chunk before the last batch", () => {
    expect(sealedBytes(3 * 8192, false)).toBe(3 * 8209);
    expect(openedBytes(3 * 8209, false)).toBe(3 * 8192);
  });

  test.each([0, 1, 16, 8209, 8210, 8225, 2 * 8209])("refuses %d last stored bytes", (bytes) => {
    expect(() => openedBytes(bytes, true)).toThrow(CorruptObjectError);
  });

  test("wants FINAL on a short chunk and MESSAGE on a full one", () => {
    expect(() => checkTag(TAG_FINAL, STORED_CHUNK_BYTES - 1)).not.toThrow();
    expect(() => checkTag(TAG_MESSAGE, STORED_CHUNK_BYTES)).not.toThrow();
    for (const tag of [0, 1, 2, undefined]) {
      expect(() => checkTag(tag, 17)).toThrow("not marked as final");
    }
    for (const tag of [1, 2, 3, undefined]) {
      expect(() => checkTag(tag, STORED_CHUNK_BYTES)).toThrow("unexpected tag");
    }
  });
});
