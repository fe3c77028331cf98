// Proves the protocol's messages: cut at every place they decode alike, and every short, long or
// damaged one is refused instead of read past its end.
import { describe, expect, test } from "vitest";
import {
  type BackendMessage,
  BodyReader,
  decodeColumns,
  decodeReport,
  decodeRow,
  encodeCancelRequest,
  encodeMessage,
  encodeSslRequest,
  encodeStartup,
  int32Field,
  MessageDecoder,
  textField,
} from "../../../../../src/database/postgres/wire/message-codec.ts";
import { DatabaseError } from "../../../../../src/database/postgres/wire/server-error.ts";
import { concatBytes } from "../../../../../src/stream/byte-stream.ts";

const MESSAGES: readonly Uint8Array[] = [
  encodeMessage("R", int32Field(0)),
  encodeMessage("D", new Uint8Array([0, 1]), int32Field(3), new Uint8Array([97, 98, 99])),
  encodeMessage("c"),
  encodeMessage("d", new Uint8Array(700).fill(7)),
  encodeMessage("Z", new Uint8Array([73])),
];

function decodeAll(chunks: readonly Uint8Array[]): BackendMessage[] {
  const decoder = new MessageDecoder();
  const messages: BackendMessage[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  }
  expect(decoder.bufferedBytes).toBe(0);
  return messages;
}

function message(type: string, ...pieces: Uint8Array[]): BackendMessage {
  return { type, body: encodeMessage(type, ...pieces).subarray(5) };
}

describe("the decoder of messages", () => {
  test("gives the same messages wherever the stream is cut", () => {
    const stream = concatBytes(MESSAGES);
    const whole = decodeAll([stream]);
    expect(whole.map(({ type, body }) => [type, body.byteLength])).toEqual([
      ["R", 4],
      ["D", 9],
      ["c", 0],
      ["d", 700],
      ["Z", 1],
    ]);
    for (let cut = 0; cut <= 60; cut += 1) {
      expect(decodeAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
    }
    const bytes = Array.from(stream.subarray(0, 40), (_, at) => stream.subarray(at, at + 1));
    expect(decodeAll([...bytes, stream.subarray(40)])).toEqual(whole);
  });

  test("waits for the rest of a message that is cut short", () => {
    const only = MESSAGES[1] ?? new Uint8Array(0);
    for (let size = 0; size < only.byteLength; size += 1) {
      const decoder = new MessageDecoder();
      decoder.push(only.subarray(0, size));
      expect(decoder.next()).toBeUndefined();
      expect(decoder.bufferedBytes).toBe(size);
    }
  });

  test.each([0, 3, 0x4000_0000, 0xffff_ffff])("refuses the impossible length %d", (length) => {
    const header = new Uint8Array(5);
    header[0] = 0x44;
    new DataView(header.buffer).setUint32(1, length);
    const decoder = new MessageDecoder();
    decoder.push(header);
    expect(() => decoder.next()).toThrow(/impossible length/);
  });
});

describe("the fields of a message", () => {
  const row = message(
    "D",
    new Uint8Array([0, 3]),
    int32Field(2),
    new TextEncoder().encode("é"),
    int32Field(-1),
    int32Field(0),
  );
  const columns = message(
    "T",
    new Uint8Array([0, 2]),
    textField("first"),
    new Uint8Array(18),
    textField(""),
    new Uint8Array(18),
  );
  const report = message(
    "E",
    ...["SFEHLER", "VERROR", "C42P01", "Mno table", "Ddetail", "HHint.", "Ffile.c"].map(textField),
    new Uint8Array(1),
  );

  test("are read as the server wrote them", () => {
    expect(decodeRow(row)).toEqual(["é", null, ""]);
    expect(decodeColumns(columns)).toEqual(["first", ""]);
    expect(decodeReport(report)).toEqual({
      severity: "ERROR",
      sqlState: "42P01",
      message: "no table",
      detail: "detail",
      hint: "Hint.",
    });
  });

  test.each([
    ["row", row, decodeRow],
    ["columns", columns, decodeColumns],
    ["report", report, decodeReport],
  ] as const)("of a %s are refused when any byte is missing or too many", (_, whole, decode) => {
    for (let size = 0; size < whole.body.byteLength; size += 1) {
      const cut = { type: whole.type, body: whole.body.subarray(0, size) };
      expect(() => decode(cut), `${size} bytes`).toThrow(DatabaseError);
    }
    const longer = concatBytes([whole.body, new Uint8Array([1])]);
    expect(() => decode({ type: whole.type, body: longer })).toThrow(/bytes left over/);
  });

  test("a negative length of a value is refused", () => {
    const damaged = message("D", new Uint8Array([0, 1]), int32Field(-2));
    expect(() => decodeRow(damaged)).toThrow(/too short/);
  });

  test("numbers are big endian", () => {
    const reader = new BodyReader(
      message("d", new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])),
    );
    expect([reader.uint8(), reader.uint16(), reader.uint64()]).toEqual([
      1,
      0x0203,
      0x0405_0607_0809_0a0bn,
    ]);
    reader.end();
  });
});

describe("what we send", () => {
  test("has the lengths and codes of the manual", () => {
    expect(encodeSslRequest().toHex()).toBe("0000000804d2162f");
    const key = { processId: 258, secret: new Uint8Array([9, 8, 7, 6]) };
    expect(encodeCancelRequest(key).toHex()).toBe("0000001004d2162e0000010209080706");
    expect(encodeStartup({ user: "u" }).toHex()).toBe("00000010000300007573657200750000");
    expect(encodeMessage("Q", textField("é")).toHex()).toBe("5100000007c3a900");
  });

  test("holds no zero byte inside a text", () => {
    expect(() => textField("SELECT 1\0; DROP TABLE t")).toThrow(/zero byte/);
  });
});
