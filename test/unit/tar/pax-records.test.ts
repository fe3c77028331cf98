// Proves that PAX records survive encoding and decoding whatever digits their lengths have, and
// that every prefix, malformed length and text that is not UTF-8 is refused.
import { describe, expect, it } from "vitest";
import { decodePaxRecords, encodePaxRecords, utf8Of } from "../../../src/tar/pax-records.ts";

const encode = (text: string) => new TextEncoder().encode(text);

describe("PAX records", () => {
  it("count a record's length with its own digits", () => {
    expect(encodePaxRecords(new Map([["path", "/a"]]))).toEqual(encode("11 path=/a\n"));
    for (const size of [1, 5, 6, 7, 8, 93, 94, 95, 96, 97, 993, 994, 995, 996]) {
      const bytes = encodePaxRecords(new Map([["k", "v".repeat(size)]]));
      expect(new TextDecoder().decode(bytes).split(" ")[0]).toBe(String(bytes.byteLength));
      expect(decodePaxRecords(bytes, "t").get("k")).toHaveLength(size);
    }
  });

  it("keep several records, with = and line feeds in values", () => {
    const records = new Map([
      ["path", "/ä=b\nc"],
      ["size", "8589934592"],
      ["comment", ""],
    ]);
    expect(decodePaxRecords(encodePaxRecords(records), "t")).toEqual(records);
  });

  it("refuse every prefix", () => {
    const bytes = encodePaxRecords(new Map([["path", "/a"]]));
    for (let size = 1; size < bytes.byteLength; size++) {
      expect(() => decodePaxRecords(bytes.subarray(0, size), "part")).toThrow(/^part: malformed/);
    }
  });

  it.each(["0 \n", "-9 a=bcde\n", "11path=/a\n", " 11 path=/a\n", "11 path=/ax", "5 a/b\n", "x\n"])(
    "refuse %j",
    (text) => {
      expect(() => decodePaxRecords(encode(text), "t")).toThrow(/extended tar header/);
    },
  );

  it("refuse what is not UTF-8", () => {
    expect(() => utf8Of(Uint8Array.of(0x61, 0xff), "part")).toThrow("part: a name in the tar");
  });
});
