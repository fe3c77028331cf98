// Maps are stored where the WAL goes, by its codec, and read back through the archive's reader.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { walReader } from "../../../src/database/journal-reader.ts";
import { openWalFile } from "../../../src/database/postgres/wal-journal.ts";
import { openWalDelta } from "../../../src/database/wal-delta.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { heapChange, MadeWal } from "../../support/made-wal.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "wal-delta-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("stores a map beside the WAL, by the same codec", async () => {
  const made = new MadeWal();
  for (let index = 0; index < 16; index += 1) {
    made.record(heapChange(100, index));
    made.switchSegment();
  }
  const repository = await memoryRepository("lz4");
  const { log, lines } = recordingLogger();
  for (const [name, bytes] of made.segments()) {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    const maps = await openWalDelta(repository, { path, log });
    using file = openWalFile(path, {});
    await maps.record(file, signal);
    await maps.finish(signal);
  }
  expect(lines.filter((line) => line.startsWith("warning"))).toEqual([]);
  const name = "000000010000000000000010_delta";
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${name}.lz4`]);
  const content = await walReader(repository).open(name, signal);
  if (content === undefined) throw new Error("the map is not found");
  // 16 blocks, the mark, the end, and no rest.
  expect((await collect(content, 1 << 20)).byteLength).toBe(16 * 16 + 16 + 16 + 4);
  expect(
    await walReader(repository).open("000000010000000000000020_delta", signal),
  ).toBeUndefined();
});
