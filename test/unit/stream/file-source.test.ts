// A file source gives exactly the bytes that it promised, again on each opening, or throws.
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FilesystemError } from "../../../src/base/errors.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { FILE_CHUNK_BYTES, fileSource, openFile } from "../../../src/stream/file-source.ts";

const signal = new AbortController().signal;
const content = Uint8Array.from({ length: FILE_CHUNK_BYTES + 5 }, (_, index) => index % 251);
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "file-source-"));
  path = join(directory, "file");
  writeFileSync(path, content);
});
afterEach(() => rmSync(directory, { recursive: true }));

test("gives the same bytes on each opening", async () => {
  using file = openFile(path);
  expect(file.sizeBytes).toBe(content.byteLength);
  for (let round = 0; round < 2; round += 1) {
    expect(await collect(file.source.open(signal), 1 << 22)).toEqual(content);
  }
  expect(await collect(fileSource(path, content.byteLength).open(signal), 1 << 22)).toEqual(
    content,
  );
  expect(file.head(3)).toEqual(content.subarray(0, 3));
});

test("gives nothing for an empty file", async () => {
  writeFileSync(path, "");
  using file = openFile(path);
  expect(await collect(file.source.open(signal), 1)).toEqual(new Uint8Array(0));
});

test("keeps reading the file that was opened when the name goes to another", async () => {
  using file = openFile(path);
  rmSync(path);
  writeFileSync(path, "other");
  expect(await collect(file.source.open(signal), 1 << 22)).toEqual(content);
});

test("throws when the file grew or shrank", async () => {
  using file = openFile(path);
  appendFileSync(path, "x");
  await expect(collect(file.source.open(signal), 1 << 22)).rejects.toThrow(/now has/);
  truncateSync(path, 10);
  await expect(collect(file.source.open(signal), 1 << 22)).rejects.toThrow(/now has 10/);
  const source = fileSource(path, 11);
  await expect(collect(source.open(signal), 1 << 22)).rejects.toThrow(FilesystemError);
});

test("names a file that is absent or a directory", () => {
  expect(() => openFile(join(directory, "absent"))).toThrow(/absent: could not open \(ENOENT\)/);
  expect(() => openFile(directory)).toThrow(/is not a regular file/);
});

test("stops when it is aborted", async () => {
  using file = openFile(path);
  const controller = new AbortController();
  const iterator = file.source.open(controller.signal)[Symbol.asyncIterator]();
  await iterator.next();
  controller.abort(new Error("enough"));
  await expect(iterator.next()).rejects.toThrow("enough");
});
