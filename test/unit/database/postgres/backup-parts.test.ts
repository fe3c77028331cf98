// A walk is packed into tars: every entry in exactly one part, parts of about the threshold, and an
// entry has the bytes that its header promises although the file grew, shrank or vanished.
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { forEachConcurrently } from "../../../../src/base/pool.ts";
import type { BackupPart } from "../../../../src/database/adapter.ts";
import { PartPacker } from "../../../../src/database/postgres/backup-parts.ts";
import {
  type DirectoryEntry,
  newFindings,
  walkDataDirectory,
} from "../../../../src/database/postgres/data-directory.ts";
import { wholeFiles } from "../../../../src/database/postgres/delta-files.ts";
import type { PartEntry } from "../../../../src/transfer/stored-part.ts";
import { entryOf } from "../../../support/directory-entry.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";
import { tarEntries } from "../../../support/raw-part.ts";
import { incompressible } from "../../../support/sample-bytes.ts";

const NEVER = new AbortController().signal;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "parts-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function packer(thresholdBytes: number, isParallel = false) {
  const { log, lines } = recordingLogger();
  const listed = new Map<string, readonly string[]>();
  const recorded: string[] = [];
  const packing = new PartPacker({
    entries: walkDataDirectory(dir, newFindings()),
    thresholdBytes,
    files: wholeFiles({
      checksPages: false,
      isParallel,
      clock: SYSTEM_CLOCK,
      log,
      signal: NEVER,
    }),
    log,
    signal: NEVER,
    onUnchanged: ({ name }) => recorded.push(`unchanged ${name}`),
    onEntry: ({ name }) => recorded.push(name),
    onPart: (name, packed) =>
      listed.set(
        name,
        packed.map(({ path }) => path),
      ),
  });
  return { packing, listed, recorded, lines };
}

async function read(part: BackupPart, onChunk: () => void = () => {}): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.source.open(NEVER)) {
    chunks.push(chunk.slice());
    onChunk();
  }
  return Buffer.concat(chunks);
}

function contentOf(tar: Buffer, entries: readonly PartEntry[], path: string): Buffer {
  const entry = entries.find((each) => each.path === path);
  if (entry === undefined) throw new Error(`${path} is not in the part`);
  return tar.subarray(entry.offset, entry.offset + entry.sizeBytes);
}

test("every entry is in exactly one part, and the listing says in which", async () => {
  for (let index = 0; index < 60; index += 1) {
    writeFileSync(join(dir, `file-${index}`), incompressible(1000 + index * 400, index));
  }
  const { packing, listed, recorded } = packer(50_000, true);
  const tars = new Map<string, Buffer>();
  const options = { concurrencyMax: 4, signal: NEVER };
  await forEachConcurrently(packing.parts(), options, async (part) => {
    const tar = await read(part);
    tars.set(part.name.replace("tar_partitions/", ""), tar);
    for (const { path, kind } of part.entries()) {
      if (kind !== "whole") continue;
      const index = Number(path.replace("/file-", ""));
      const content = incompressible(1000 + index * 400, index);
      expect(contentOf(tar, part.entries(), path).equals(content), path).toBe(true);
    }
  });
  expect(tars.size).toBeGreaterThan(8);
  const names = [...tars].flatMap(([, tar]) => tarEntries(tar).map(({ name }) => name));
  expect(names).toHaveLength(61);
  expect(new Set(names).size).toBe(61);
  expect(recorded.toSorted()).toEqual(names.toSorted());
  for (const [part, tar] of tars) {
    expect(listed.get(part)).toEqual(tarEntries(tar).map(({ name }) => name));
  }
  const total = Array.from({ length: 60 }, (_, index) => 1000 + index * 400);
  expect(packing.plainBytes).toBe(total.reduce((sum, size) => sum + size, 0));
});

test("a part is closed after the file that takes it past the threshold", async () => {
  for (const name of ["a", "b", "c", "d", "e"]) writeFileSync(join(dir, name), Buffer.alloc(100));
  const { packing, listed } = packer(199);
  for (const part of packing.parts()) await read(part);
  expect([...listed]).toEqual([
    ["part_001.tar", ["/", "/a", "/b"]],
    ["part_002.tar", ["/c", "/d"]],
    ["part_003.tar", ["/e"]],
  ]);
});

test("a part ends after 4000 entries, though they have no content", async () => {
  const { log } = recordingLogger();
  const directories = function* (): Generator<DirectoryEntry> {
    for (let index = 0; index < 9000; index += 1) {
      yield entryOf(`/d${index}`, { localPath: dir, kind: "directory" });
    }
  };
  const counts: number[] = [];
  const reading = {
    checksPages: false,
    isParallel: false,
    clock: SYSTEM_CLOCK,
    log,
    signal: NEVER,
  };
  const packing = new PartPacker({
    entries: directories(),
    thresholdBytes: 1e9,
    files: wholeFiles(reading),
    log,
    signal: NEVER,
    onUnchanged: () => {},
    onEntry: () => {},
    onPart: (_name, packed) => counts.push(packed.length),
  });
  for (const part of packing.parts()) await read(part);
  expect(counts).toEqual([4000, 4000, 1000]);
});

describe("a file that changes while it is stored", () => {
  const size = 3 << 20;

  /** Packs one file and runs `change` when the first chunk has come out. */
  async function packWhile(change: (path: string) => void) {
    const path = join(dir, "file");
    const content = incompressible(size, 7);
    writeFileSync(path, content);
    const { packing } = packer(1e9);
    let isChanged = false;
    for (const part of packing.parts()) {
      const tar = await read(part, () => {
        if (!isChanged) change(path);
        isChanged = true;
      });
      expect(tarEntries(tar).map(({ name }) => name)).toEqual(["/", "/file"]);
      return { stored: contentOf(tar, part.entries(), "/file"), content };
    }
    throw new Error("no part");
  }

  test("and grows is stored as long as it was", async () => {
    const { stored, content } = await packWhile((path) => appendFileSync(path, "more"));
    expect(stored.equals(content)).toBe(true);
  });

  test("and shrinks is filled up with zeros", async () => {
    const keptBytes = size - (1 << 20);
    const { stored, content } = await packWhile((path) => truncateSync(path, keptBytes));
    expect(stored.byteLength).toBe(size);
    expect(stored.subarray(0, keptBytes).equals(content.subarray(0, keptBytes))).toBe(true);
    expect(stored.subarray(keptBytes).every((byte) => byte === 0)).toBe(true);
  });

  test("and is removed is stored whole: it is open", async () => {
    const { stored, content } = await packWhile((path) => rmSync(path));
    expect(stored.equals(content)).toBe(true);
  });

  test("or vanished before leaves no entry", async () => {
    for (const name of ["a", "b", "c"]) writeFileSync(join(dir, name), name);
    const { packing, recorded } = packer(1e9);
    for (const part of packing.parts()) {
      rmSync(join(dir, "b"));
      const tar = await read(part);
      expect(tarEntries(tar).map(({ name }) => name)).toEqual(["/", "/a", "/c"]);
    }
    expect(recorded).toEqual(["/", "/a", "/c"]);
  });
});

test("a reader that leaves early closes the file, and nothing is recorded of it", async () => {
  writeFileSync(join(dir, "large"), Buffer.alloc(4 << 20));
  const { packing, recorded, listed } = packer(1e9);
  for (const part of packing.parts()) {
    for await (const _chunk of part.source.open(NEVER)) break;
  }
  expect(recorded).toEqual(["/"]);
  expect(listed.size).toBe(0);
});

test("an abort ends the part between two chunks", async () => {
  writeFileSync(join(dir, "large"), Buffer.alloc(4 << 20));
  const { packing } = packer(1e9);
  const stop = new AbortController();
  const [part] = packing.parts();
  const drain = async () => {
    for await (const _chunk of part?.source.open(stop.signal) ?? []) stop.abort(new Error("stop"));
  };
  await expect(drain()).rejects.toThrow("stop");
});
