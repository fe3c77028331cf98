// Pieces of delta maps come back as they were; every beginning and every flipped byte is refused.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../../../src/base/errors.ts";
import { decodePiece, encodePiece } from "../../../../src/database/postgres/segment-piece.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { ChangeLog } from "../../../support/change-log.ts";

const EDGES = {
  majorVersion: 17,
  address: toLsn(0x1_2000_0000n),
  tail: Uint8Array.of(1, 2, 3),
  endsTail: true,
  isOverwrite: false,
  head: Uint8Array.of(4, 5, 6, 7, 8),
};
const CHANGES = {
  blocks: Uint32Array.of(1663, 5, 16384, 7),
  limits: Uint32Array.of(1663, 5, 16390, 0),
};

test.each([
  [true, false],
  [false, false],
  [true, true],
])("comes back as it was (ends: %s, given up: %s)", (endsTail, isOverwrite) => {
  const edges = { ...EDGES, endsTail, isOverwrite };
  const piece = decodePiece("piece", encodePiece(edges, CHANGES));
  expect(piece.edges).toEqual(edges);
  const changes = new ChangeLog();
  piece.tell(changes);
  expect(changes.entries).toEqual(["1663/5/16384:7", "1663/5/16390:0+"]);
});

test("refuses every beginning of it and every flipped byte", () => {
  const bytes = encodePiece(EDGES, CHANGES);
  for (let at = 0; at < bytes.byteLength; at += 1) {
    expect(() => decodePiece("piece", bytes.subarray(0, at))).toThrow(CorruptObjectError);
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => decodePiece("piece", changed), `byte ${at}`).toThrow(CorruptObjectError);
  }
});
