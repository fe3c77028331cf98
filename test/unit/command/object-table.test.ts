// Proves the table of objects byte for byte, and that a long one is printed in blocks.
import { expect, test } from "vitest";
import { ObjectTable } from "../../../src/command/object-table.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";

function table() {
  const printed: string[] = [];
  const output = { write: (text: string) => printed.push(text), writeBytes: async () => {} };
  return { printed, table: new ObjectTable(output, { name: "s3://bucket/path" }) };
}

const at = (iso: string, sizeBytes: number) => {
  return { key: toObjectKey("unused"), sizeBytes, modifiedAt: new Date(iso) };
};

test("pads like Go's tabwriter, with two empty cells at the end of each row", () => {
  const { printed, table: made } = table();
  made.folder("basebackups_005");
  made.object("a", at("2024-03-01T10:00:00.120Z", 7));
  made.object("sentinel.json", { ...at("2024-03-01T10:00:00Z", 1234), modifiedNs: 1n });
  made.end();
  expect(printed).toEqual([
    [
      "type size last modified                           name",
      "dir  0    0001-01-01 00:00:00 +0000 UTC           basebackups_005/  ",
      "obj  7    2024-03-01 10:00:00.12 +0000 UTC        a                 ",
      "obj  1234 1970-01-01 00:00:00.000000001 +0000 UTC sentinel.json     ",
      "",
    ].join("\n"),
  ]);
});

test("prints a header alone without anything more", () => {
  const { printed, table: made } = table();
  made.end();
  expect(printed).toEqual(["type size last modified name\n"]);
});

test("holds a bounded number of rows, and prints each once", () => {
  const { printed, table: made } = table();
  for (let index = 0; index < 120_000; index++) made.folder(String(index));
  made.end();
  expect(printed.length).toBe(3);
  const lines = printed.join("").split("\n");
  expect(lines.length).toBe(120_002);
  expect(lines.filter((line) => line.startsWith("type")).length).toBe(1);
  expect(new Set(lines).size).toBe(120_002);
});
