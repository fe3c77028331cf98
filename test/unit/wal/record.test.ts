// The record check does not depend on how a record is cut, its own header included.
import { expect, test } from "vitest";
import { RecordCheck } from "../../../src/wal/record.ts";
import { goldenSegment } from "../../support/golden-wal.ts";

/** The first record of a page that begins with one: a switched segment's first after its head. */
function someRecord(): { readonly bytes: Uint8Array; readonly lsn: bigint } {
  const { bytes } = goldenSegment(17, "switched");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const continuation = view.getUint32(16, true);
  const at = (40 + continuation + 7) & ~7;
  const totalBytes = view.getUint32(at, true);
  return { bytes: bytes.slice(at, at + totalBytes), lsn: view.getBigUint64(8, true) + BigInt(at) };
}

test("accepts a record in any two pieces, and says how much is missing", () => {
  const { bytes, lsn } = someRecord();
  for (let cut = 4; cut <= bytes.byteLength; cut += 1) {
    const check = new RecordCheck();
    check.begin(Number(lsn >> 32n), Number(lsn & 0xffff_ffffn), 17);
    expect(check.piece(bytes, 0, cut)).toBeUndefined();
    expect(check.missingBytes()).toBe(bytes.byteLength - cut);
    expect(check.piece(bytes, cut, bytes.byteLength)).toBeUndefined();
    expect(check.missingBytes()).toBe(0);
    expect(check.finish()).toBeUndefined();
    expect(check.isSwitch()).toBe(false);
  }
});

test("refuses the record with any one byte flipped, but for two bytes of padding", () => {
  const { bytes, lsn } = someRecord();
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const check = new RecordCheck();
    check.begin(Number(lsn >> 32n), Number(lsn & 0xffff_ffffn), 17);
    const early = check.piece(changed, 0, changed.byteLength);
    const isRefused = early !== undefined || check.missingBytes() !== 0 || check.finish();
    expect(Boolean(isRefused), `byte ${at}`).toBe(true);
  }
});
