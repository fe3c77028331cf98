// A file that is to be archived is opened only when it is what its name says, and its content is
// checked again while it is read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CorruptObjectError } from "../../../../src/base/errors.ts";
import { openWalFile } from "../../../../src/database/postgres/wal-journal.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";

const { signal } = new AbortController();
const golden = goldenSegment(14, "middle");
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-journal-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(name: string, content: Uint8Array | string, systemIdentifier?: bigint) {
  const path = join(directory, name);
  writeFileSync(path, content);
  return openWalFile(path, { systemIdentifier });
}

test("gives a segment's content, again on each opening", async () => {
  using file = open(golden.name, golden.bytes);
  for (let round = 0; round < 2; round += 1) {
    const content = await collect(file.source.open(signal), 1 << 21);
    expect(Buffer.compare(content, golden.bytes)).toBe(0);
  }
  expect(file).toMatchObject({ name: golden.name, isIrreplaceable: false, sizeBytes: 1 << 20 });
});

test("a damaged page comes out as an error of the source", async () => {
  const bytes = golden.bytes.slice();
  bytes[20 * 8192] = 0;
  using file = open(golden.name, bytes);
  const reading = collect(file.source.open(signal), 1 << 21);
  await expect(reading).rejects.toThrow(CorruptObjectError);
  const error = await reading.catch((thrown: unknown) => thrown);
  // Not a word of stored bytes: nothing is stored.
  expect(error).toMatchObject({
    message: expect.stringContaining(`${file.path}: WAL page at`),
    hint: expect.stringContaining("The server's own file is damaged, and was not stored."),
  });
});

test.each([
  ["no name of a WAL file", "x", golden.bytes, /is not the name of a WAL file/],
  ["an empty file", golden.name, "", /is empty/],
  ["half a segment", golden.name, golden.bytes.subarray(0, 1 << 19), /has 524288 bytes/],
  ["half a partial", `${golden.name}.partial`, golden.bytes.subarray(0, 1 << 19), /has 524288/],
  ["a history of nothing", "00000002.history", "\n", /names no parent/],
  ["a long history", "00000002.history", "1\t0/1\tx\n".repeat(200_000), /too many for its kind/],
  ["a strange backup", `${golden.name}.00000028.backup`, "START", /is not the history of the/],
])("refuses %s", (_, name, content, reason) => {
  expect(() => open(name, content)).toThrow(reason);
});

test("a partial segment is a segment's beginning; of another cluster it is refused", () => {
  using partial = open(`${golden.name}.partial`, golden.bytes);
  expect(partial.sizeBytes).toBe(1 << 20);
  expect(() => open(`${golden.name}.partial`, golden.bytes, 5n)).toThrow(/system identifier/);
});
