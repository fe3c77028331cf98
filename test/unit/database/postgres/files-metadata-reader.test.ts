// Proves on documents that WAL-G wrote that every entry is read exactly as JSON.parse sees it, and
// that damaged or wrong documents are refused.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../../src/base/errors.ts";
import { formatGoTime } from "../../../../src/base/go-time.ts";
import {
  decodeInlineFilesMetadata,
  readFilesMetadata,
} from "../../../../src/database/postgres/files-metadata-reader.ts";
import type { ByteStream } from "../../../../src/stream/byte-stream.ts";
import { loadFilesMetadata } from "../../../support/loaded-metadata.ts";

async function* chunks(bytes: Uint8Array, sizeBytes: number): ByteStream & AsyncGenerator {
  for (let at = 0; at < bytes.byteLength; at += sizeBytes) yield bytes.slice(at, at + sizeBytes);
}

const load = (text: string) =>
  loadFilesMetadata(chunks(new TextEncoder().encode(text), 100), "the key");

describe("files_metadata.json", () => {
  test.each([
    "pg15-remote/base_000000010000000000000008",
    "pg15-tablespaces/base_00000001000000000000000B_D_000000010000000000000009",
  ])("%s is read as it is", async (name) => {
    const bytes = readFileSync(`test/golden/sentinel/${name}.files_metadata.json`);
    const expected = JSON.parse(bytes.toString());
    const read = await loadFilesMetadata(chunks(bytes, 4096), name);
    const files = [...read.files].map(([file, facts]) => [
      file,
      {
        IsIncremented: facts.isIncremented,
        IsSkipped: facts.isSkipped,
        MTime: formatGoTime({ ns: facts.mtimeNs, offsetMinutes: 0 }),
        UpdatesCount: Number(facts.updatesCount),
      },
    ]);
    expect(Object.fromEntries(files)).toEqual(expected.Files);
    expect(Object.fromEntries(read.parts)).toEqual(expected.TarFileSets ?? {});
    expect(Object.fromEntries(read.databases)).toEqual(expected.DatabasesByNames ?? {});
  });

  test("gives corrupt blocks, large counts and nanoseconds of any zone", async () => {
    const { files } = await load(
      '{"Files":{"/a":{"IsIncremented":true,"MTime":"2026-01-03T04:00:00.000000001+01:00",' +
        '"CorruptBlocks":{"CorruptBlocksCount":12,"SomeCorruptBlocks":[1,7]},' +
        '"UpdatesCount":18446744073709551615}}}',
    );
    expect(files.get("/a")).toEqual({
      isIncremented: true,
      isSkipped: false,
      mtimeNs: 1767409200000000001n,
      corruptBlocks: { count: 12, some: [1, 7] },
      updatesCount: 18446744073709551615n,
      mark: undefined,
    });
  });

  test.each([
    "{}",
    '{"Files":null,"TarFileSets":null}',
    '{"Files":{},"TarFileSets":{},"Later":{"a":1},"More":[1]}',
  ])("%s holds nothing", async (text) => {
    const read = await load(text);
    expect([read.files.size, read.parts.size, read.databases.size]).toEqual([0, 0, 0]);
  });

  test("takes null for an empty list of names, and keys in any case", async () => {
    const { parts } = await load('{"tarfilesets":{"":null,"part_001.tar":["/a"]}}');
    expect([...parts]).toEqual([
      ["", []],
      ["part_001.tar", ["/a"]],
    ]);
  });

  test("visits entries one at a time", async () => {
    const seen: string[] = [];
    const text = '{"Files":{"/a":{"MTime":"2026-01-01T00:00:00Z"}},"TarFileSets":{"p":["/a"]}}';
    await readFilesMetadata(chunks(new TextEncoder().encode(text), 7), "x", {
      file: (name) => seen.push(name),
    });
    expect(seen).toEqual(["/a"]);
  });

  test.each([
    ['{"Files":[]}', "Files is not an object"],
    ['{"Files":{"/a":1}}', "file /a is not an object"],
    ['{"Files":{"/a":{}}}', "file /a: field MTime is missing"],
    ['{"Files":{"/a":{"MTime":"now"}}}', "is not a time"],
    [
      '{"Files":{"/a":{"MTime":"2026-01-01T00:00:00Z","IsSkipped":true,"IsIncremented":true}}}',
      "contradicts",
    ],
    ['{"Files":{"/a":{"MTime":"2026-01-01T00:00:00Z","UpdatesCount":1.5}}}', "UpdatesCount"],
    [
      '{"Files":{"/a":{"MTime":"2026-01-01T00:00:00Z","CorruptBlocks":{"SomeCorruptBlocks":["1"]}}}}',
      "SomeCorruptBlocks",
    ],
    ['{"TarFileSets":{"p":"/a"}}', "part p is not a list of names"],
    ['{"TarFileSets":{"p":[1]}}', "part p is not a list of names"],
    ['{"Files":{', "too early"],
    ["", "too early"],
  ])("refuses %s", async (text, message) => {
    await expect(load(text)).rejects.toThrow(CorruptObjectError);
    await expect(load(text)).rejects.toThrow("the key");
    await expect(load(text)).rejects.toThrow(message);
  });

  test("reads what release 1 has inside the sentinel", () => {
    const read = decodeInlineFilesMetadata(
      { Files: { "/a": { MTime: "2026-01-01T00:00:00Z" } }, TarFileSets: { p: ["/a"] } },
      "x",
    );
    expect([...read.files.keys()]).toEqual(["/a"]);
    expect(read.parts.get("p")).toEqual(["/a"]);
  });
});
