// Proves that a section is one receipt exactly: whatever a valid hash may hide, it is not believed.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { decodeSection, encodeSection, inflate } from "../../../src/catalog/receipts-section.ts";
import { samplePart } from "../../support/receipts.ts";

/** A section whose facts are `change`d before they are compressed. */
function tampered(change: (facts: Uint8Array) => Uint8Array): Uint8Array {
  const body = encodeSection(samplePart(1));
  const view = new DataView(body.buffer, body.byteOffset);
  const frameBytes = view.getUint32(0, true);
  const facts = change(Bun.zstdDecompressSync(body.subarray(8, 8 + frameBytes)));
  const frame = Bun.zstdCompressSync(facts);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, frame.byteLength, true);
  new DataView(head.buffer).setUint32(4, facts.byteLength, true);
  return Buffer.concat([head, frame, body.subarray(8 + frameBytes)]);
}

describe("a section", () => {
  test("is decoded as encoded", () => {
    expect(decodeSection("x", encodeSection(samplePart(1)))).toEqual(samplePart(1));
    expect(
      decodeSection(
        "x",
        tampered((facts) => facts),
      ),
    ).toEqual(samplePart(1));
  });

  test("of every prefix is refused", () => {
    const body = encodeSection(samplePart(1));
    for (let end = 0; end < body.byteLength; end += 1) {
      expect(() => decodeSection("x", body.subarray(0, end))).toThrow(CorruptObjectError);
    }
  });

  test("with bytes behind it is refused", () => {
    const body = encodeSection(samplePart(1));
    expect(() => decodeSection("x", Buffer.concat([body, Buffer.alloc(8)]))).toThrow(
      CorruptObjectError,
    );
  });

  test("with facts cut short anywhere is refused", () => {
    const { byteLength } = tampered((facts) => facts);
    for (let cut = 1; cut < byteLength; cut += 1) {
      const body = tampered((facts) => facts.subarray(0, Math.max(0, facts.byteLength - cut)));
      expect(() => decodeSection("x", body)).toThrow(CorruptObjectError);
    }
  });

  test.each([
    ["an unknown codec", "zstd", "zste", "codec"],
    ["an unknown kind of entry", "/base/5/16391\u0011", "/base/5/16391\u0014", "entry kind"],
    ["an unknown flag", "/base/5/16391\u0011", "/base/5/16391\u0091", "entry kind"],
    ["a path that is not UTF-8", "postgresql.conf", "\u0000", "at byte"],
  ])("with %s is refused", (_, from, to, message) => {
    const change = (facts: Uint8Array) => {
      const at = Buffer.from(facts).indexOf(from);
      expect(at).toBeGreaterThan(0);
      const copy = Buffer.from(facts);
      if (to === "\u0000") copy[at] = 0xff;
      else copy.write(to, at, "latin1");
      return copy;
    };
    const reading = () => decodeSection("the section", tampered(change));
    expect(reading).toThrow("the section");
    if (to !== "\u0000") expect(reading).toThrow(message);
  });

  test("keeps modes and the targets of links, or is refused", () => {
    const { object, entries } = samplePart(1);
    const withModes = entries.map((entry) =>
      entry.kind === "link"
        ? { ...entry, mode: 0o777, linkTarget: "/mnt/wal" }
        : { ...entry, mode: 0o640 },
    );
    const body = encodeSection({ object, entries: withModes });
    expect(decodeSection("x", body)).toEqual({ object, entries: withModes });
    for (let end = 0; end < body.byteLength; end += 1) {
      expect(() => decodeSection("x", body.subarray(0, end))).toThrow(CorruptObjectError);
    }
    const strange = withModes.map((entry) => ({ ...entry, mode: 0o10000 }));
    expect(() => decodeSection("x", encodeSection({ object, entries: strange }))).toThrow("mode");
  });

  test("keeps corrupt blocks ascending, or is refused", () => {
    const [first] = samplePart(1).entries;
    if (first === undefined) throw new Error("no entry");
    const withBlocks = (corruptBlocks: readonly number[]) =>
      encodeSection({ ...samplePart(1), entries: [{ ...first, corruptBlocks }] });
    expect(decodeSection("x", withBlocks([1, 2, 9])).entries[0]?.corruptBlocks).toEqual([1, 2, 9]);
    expect(() => decodeSection("x", withBlocks([2, 2]))).toThrow("corrupt blocks");
    expect(() => decodeSection("x", withBlocks([9, 2]))).toThrow("corrupt blocks");
  });

  test("is refused when its frame gives another number of bytes", () => {
    const frame = Bun.zstdCompressSync(new Uint8Array(10));
    expect(() => inflate("x", frame, 11)).toThrow("10 of 11 bytes");
    expect(() => inflate("x", new Uint8Array(3), 0)).toThrow(CorruptObjectError);
  });
});
