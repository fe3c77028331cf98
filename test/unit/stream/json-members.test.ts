// Proves that members of a large document are given one at a time wherever chunks are cut, and
// that anything but one whole document is refused.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import type { ByteStream } from "../../../src/stream/byte-stream.ts";
import { type JsonMember, readJsonMembers } from "../../../src/stream/json-members.ts";

const DOCUMENT =
  '{"Files":{"/a\\"b{}":{"x":[1,{"y":"}]"}],"n":18446744073709551615},"/é😀":null} ,\n' +
  '"Empty":{ },"List":[1,2],"Text":"a,b}","None":null,"Number":-1.5 }\n';

async function* inChunks(bytes: Uint8Array, sizeBytes: number): ByteStream & AsyncGenerator {
  for (let at = 0; at < bytes.byteLength; at += sizeBytes) yield bytes.slice(at, at + sizeBytes);
}

async function read(text: string | Uint8Array, sizeBytes = 64): Promise<JsonMember[]> {
  const members: JsonMember[] = [];
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  await readJsonMembers(inChunks(bytes, sizeBytes), "the object", (member) => members.push(member));
  return members;
}

describe("readJsonMembers", () => {
  test("gives the same members wherever chunks are cut", async () => {
    for (let sizeBytes = 1; sizeBytes < 200; sizeBytes += 1) {
      expect(await read(DOCUMENT, sizeBytes)).toEqual([
        {
          section: "Files",
          key: '/a"b{}',
          value: { x: [1, { y: "}]" }], n: 18446744073709551615n },
        },
        { section: "Files", key: "/é😀", value: null },
        { section: "List", key: undefined, value: [1, 2] },
        { section: "Text", key: undefined, value: "a,b}" },
        { section: "None", key: undefined, value: null },
        { section: "Number", key: undefined, value: -1.5 },
      ]);
    }
  });

  test("takes the empty document", async () => {
    expect(await read(" {} ")).toEqual([]);
  });

  test("refuses every prefix", async () => {
    const bytes = new TextEncoder().encode(DOCUMENT.trimEnd());
    for (let end = 0; end < bytes.byteLength; end += 1) {
      await expect(read(bytes.subarray(0, end), 16)).rejects.toThrow(CorruptObjectError);
    }
  });

  test.each([
    "[]",
    "null",
    "{} {}",
    '{"a":{},}',
    '{"a":{"b":1,}}',
    '{"a":{"b":1 "c":2}}',
    '{"a":{"b" 1}}',
    '{"a":{b:1}}',
    '{"a":}',
    '{"a":{"b":}}',
    '{"a":{"b":]}}',
    '{"a":{"b":[1}}}',
    '{"a":{"b":[1]]}}',
    '{"a":{"b":01}}',
    '{"a":{"b":tru}}',
    '{"a\\x":1}',
    '{"a":{"b\u0001":1}}',
    '{"a":{"b":"\u0001"}}',
  ])("refuses %j", async (text) => {
    for (const sizeBytes of [1, 5, 64]) {
      await expect(read(text, sizeBytes)).rejects.toThrow(CorruptObjectError);
      await expect(read(text, sizeBytes)).rejects.toThrow("the object");
    }
  });

  test("says where the fault is", async () => {
    await expect(read('{"a":{"b":1},}', 3)).rejects.toThrow("byte 13");
    await expect(read('{"a":{"b":nul}}')).rejects.toThrow("in a/b: not valid JSON");
  });

  test("refuses what is not UTF-8", async () => {
    const bytes = new TextEncoder().encode('{"a":{"b":"x"}}');
    bytes[11] = 0xff;
    await expect(read(bytes)).rejects.toThrow("not UTF-8");
  });

  test("passes an error of the stream on", async () => {
    const failing = (async function* () {
      yield new TextEncoder().encode('{"a":');
      throw new Error("the network");
    })();
    await expect(readJsonMembers(failing, "x", () => {})).rejects.toThrow("the network");
  });
});
