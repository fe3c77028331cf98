// Proves that files_metadata.json has WAL-G's form and exactly the promised size, and that a
// million entries cost a small part of their text in memory.
import { describe, expect, test } from "vitest";
import { FilesystemError } from "../../../../src/base/errors.ts";
import { type LocalZone, UTC_ZONE } from "../../../../src/base/local-zone.ts";
import type { FileFacts } from "../../../../src/database/postgres/files-metadata.ts";
import { FilesMetadataWriter } from "../../../../src/database/postgres/files-metadata-writer.ts";
import type { ByteSource } from "../../../../src/stream/byte-stream.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { loadFilesMetadata } from "../../../support/loaded-metadata.ts";

const SIGNAL = new AbortController().signal;
const PARIS: LocalZone = { offsetMinutes: () => 60, abbreviation: () => "CET" };

const FACTS: FileFacts = {
  isIncremented: false,
  isSkipped: false,
  mtimeNs: 1767409200000000001n,
  corruptBlocks: undefined,
  updatesCount: 0n,
  mark: undefined,
};

async function text(source: ByteSource): Promise<string> {
  const bytes = await collect(source.open(SIGNAL), Number.MAX_SAFE_INTEGER);
  expect(bytes.byteLength).toBe(source.sizeBytes);
  return new TextDecoder().decode(bytes);
}

describe("files_metadata.json", () => {
  test("is written as WAL-G writes it", async () => {
    const writer = new FilesMetadataWriter({ zone: PARIS });
    writer.addFile("/", FACTS);
    writer.addFile("/base/5/16390", {
      ...FACTS,
      isIncremented: true,
      corruptBlocks: { count: 12, some: [1, 7] },
      updatesCount: 18446744073709551615n,
    });
    writer.addFile("/a<b>", { ...FACTS, isSkipped: true, mtimeNs: 1767409200500000000n });
    writer.addPart("part_001.tar", ["/", "/base/5/16390"]);
    writer.addPart("backup_label.tar", ["tablespace_map", "backup_label"]);
    writer.addPart("part_003.tar", []);
    const subtables = new Map([["public.c", { oid: 3, relfilenode: 3 }]]);
    writer.addDatabase("postgres", {
      oid: 5,
      tables: new Map([
        ["public.t", { oid: 16390, relfilenode: 16391, subtables: new Map() }],
        ["public.p", { oid: 2, relfilenode: 0, subtables }],
      ]),
    });
    writer.addDatabase("empty", { oid: 6, tables: new Map() });
    const source = writer.finish(".lz4");
    const expected =
      '{"Files":{"/":{"IsIncremented":false,"IsSkipped":false,' +
      '"MTime":"2026-01-03T04:00:00.000000001+01:00","UpdatesCount":0},' +
      '"/base/5/16390":{"IsIncremented":true,"IsSkipped":false,' +
      '"MTime":"2026-01-03T04:00:00.000000001+01:00",' +
      '"CorruptBlocks":{"CorruptBlocksCount":12,"SomeCorruptBlocks":[1,7]},' +
      '"UpdatesCount":18446744073709551615},' +
      '"/a<b>":{"IsIncremented":false,"IsSkipped":true,' +
      '"MTime":"2026-01-03T04:00:00.5+01:00","UpdatesCount":0}},' +
      '"TarFileSets":{"part_001.tar.lz4":["/","/base/5/16390"],' +
      '"backup_label.tar.lz4":["tablespace_map","backup_label"],"part_003.tar.lz4":[]},' +
      '"DatabasesByNames":{"postgres":{"oid":5,"tables_new":{' +
      '"public.t":{"oid":16390,"relfilenode":16391},' +
      '"public.p":{"oid":2,"relfilenode":0,"subtables":{"public.c":{"oid":3,"relfilenode":3}}}}},' +
      '"empty":{"oid":6}}}';
    expect(await text(source)).toBe(expected);
    expect(await text(source)).toBe(expected);
  });

  test.each(["", ".zst"])("leaves out what is empty, suffix %j", async (suffix) => {
    const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
    expect(await text(writer.finish(suffix))).toBe("{}");
    writer.addPart("part_001.tar", ["/a"]);
    expect(await text(writer.finish(suffix))).toBe(
      `{"TarFileSets":{"part_001.tar${suffix}":["/a"]}}`,
    );
  });

  test("keeps a small part of what is said of many files, and gives all of it back", async () => {
    const count = 100_000;
    const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
    const names = Array.from({ length: count }, (_, i) => `/base/${i % 50}/${16384 + i}`);
    for (const [i, name] of names.entries()) {
      writer.addFile(name, { ...FACTS, mtimeNs: FACTS.mtimeNs + BigInt(i * 7_654_321) });
    }
    writer.addPart("part_001.tar", names);
    const source = writer.finish(".zst");
    expect(source.sizeBytes).toBeGreaterThan(13_000_000);
    expect(writer.heldBytes()).toBeLessThan(3_000_000);
    const read = await loadFilesMetadata(source.open(SIGNAL), "x");
    expect(read.files.size).toBe(count);
    expect(read.files.get(names[99_999] ?? "")?.mtimeNs).toBe(
      FACTS.mtimeNs + BigInt(99_999 * 7_654_321),
    );
    expect(read.parts.get("part_001.tar.zst")).toEqual(names);
  });

  test("refuses a name that is not UTF-8", () => {
    const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
    expect(() => writer.addFile("/a\ufffd", FACTS)).toThrow(FilesystemError);
    expect(() => writer.addPart("part_001.tar", ["/a\ud800"])).toThrow("cannot be recorded");
  });

  test("refuses a file that is both skipped and incremented", () => {
    const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
    const facts = { ...FACTS, isIncremented: true, isSkipped: true };
    expect(() => writer.addFile("/a", facts)).toThrow("skipped and incremented");
  });

  test("stops writing when it is aborted", async () => {
    const writer = new FilesMetadataWriter({ zone: UTC_ZONE });
    writer.addFile("/a", FACTS);
    const stop = new AbortController();
    stop.abort(new Error("interrupted"));
    await expect(collect(writer.finish("").open(stop.signal), 1000)).rejects.toThrow("interrupted");
  });
});
