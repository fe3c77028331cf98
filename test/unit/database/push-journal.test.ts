// A journal file is stored once: equal content is success, different content stays and is an
// error, and races are decided by comparing. On real segments, with the memory storage.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { CodecName } from "../../../src/codec/codec.ts";
import { openWalFile } from "../../../src/database/postgres/wal-journal.ts";
import { pushJournalFile } from "../../../src/database/push-journal.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { collect } from "../../../src/stream/byte-stream.ts";
import { findObjects } from "../../../src/transfer/object-finder.ts";
import { readObject } from "../../../src/transfer/object-reader.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
const middle = goldenSegment(17, "middle");
const switched = goldenSegment(17, "switched");
let directory = "";
let repository: Repository;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "push-journal-"));
  repository = await memoryRepository("lz4");
});
afterEach(() => rmSync(directory, { recursive: true }));

function place(golden: { name: string; bytes: Uint8Array }): string {
  const path = join(directory, golden.name);
  writeFileSync(path, golden.bytes);
  return path;
}

async function push(path: string, mayOverwrite = false, into = repository) {
  const { log, lines } = recordingLogger();
  using file = openWalFile(path, {});
  const outcome = await pushJournalFile(into, file, { mayOverwrite, log, signal });
  return { outcome, lines };
}

async function stored(name: string): Promise<Uint8Array> {
  const [object] = await findObjects(repository.driver, `wal_005/${name}`, { signal });
  if (object === undefined) throw new Error(`${name} is not stored`);
  const content = await readObject(repository, { ...object, signal });
  return new Uint8Array(await collect(content, 1 << 25));
}

/** The same segment with another last record: another history of the same cluster. */
function changed(golden: { name: string; bytes: Uint8Array }) {
  const bytes = golden.bytes.slice();
  bytes[70_000] = (bytes[70_000] ?? 0) ^ 1;
  return { ...golden, bytes };
}

test("stores the content under the codec's extension", async () => {
  expect(await push(place(middle))).toEqual({ outcome: "stored", lines: [] });
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${middle.name}.lz4`]);
  expect(await stored(middle.name)).toEqual(middle.bytes);
});

test.each<CodecName>(["lz4", "zstd", "none"])(
  "equal content stored as %s is success, and nothing is written",
  async (codec) => {
    const path = place(middle);
    const former = await memoryRepository(codec, repository.driver);
    await push(path, false, former);
    const keys = await keysOf(repository.driver);
    expect(await push(path)).toEqual({ outcome: "already-stored", lines: [] });
    expect(await keysOf(repository.driver)).toEqual(keys);
  },
);

test("different content is refused and stays, under any codec", async () => {
  await push(place(middle), false, await memoryRepository("zstd", repository.driver));
  const path = place(changed(middle));
  await expect(push(path)).rejects.toMatchObject({
    code: "object-exists",
    message: `WAL file '${path}' already archived, contents differ, unable to overwrite`,
  });
  expect(await stored(middle.name)).toEqual(middle.bytes);
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${middle.name}.zst`]);
});

test("an explicit permission replaces it, under all codecs, and warns; history never", async () => {
  await push(place(middle), false, await memoryRepository("zstd", repository.driver));
  const other = changed(middle);
  const { outcome, lines } = await push(place(other), true);
  expect(outcome).toBe("overwritten");
  expect(lines.join()).toContain("PREVENT_WAL_OVERWRITE is false");
  expect(await stored(middle.name)).toEqual(other.bytes);
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${middle.name}.lz4`]);
  const history = join(directory, "00000002.history");
  writeFileSync(history, "1\t0/1\tone\n");
  await push(history, true);
  writeFileSync(history, "1\t0/2\ttwo\n");
  await expect(push(history, true)).rejects.toMatchObject({ code: "object-exists" });
});

/** Another pusher stores in the moment between our look and our put. */
class RacedDriver extends MemoryDriver {
  rival: Uint8Array | undefined;
  override async put(...[key, body, options]: Parameters<MemoryDriver["put"]>) {
    const rival = this.rival;
    this.rival = undefined;
    if (rival !== undefined) {
      const source = { sizeBytes: undefined, replayable: true, open: () => once(rival) };
      await super.put(key, source, { ...options, ifAbsent: false });
    }
    return super.put(key, body, options);
  }
}

async function* once(bytes: Uint8Array) {
  yield bytes;
}

test("a lost race is decided by content", async () => {
  const driver = new RacedDriver(SYSTEM_CLOCK);
  const raced = await memoryRepository("none", driver);
  const path = place(middle);
  driver.rival = middle.bytes;
  expect((await push(path, false, raced)).outcome).toBe("already-stored");
  const other = place(switched);
  driver.rival = changed(switched).bytes;
  await expect(push(other, false, raced)).rejects.toMatchObject({ code: "object-exists" });
});

test("a segment that the server has not filled is stored with a warning", async () => {
  const bytes = middle.bytes.slice();
  bytes.fill(0, 1 << 19);
  const { outcome, lines } = await push(place({ ...middle, bytes }));
  expect(outcome).toBe("stored");
  expect(lines.join()).toContain("was not filled by the server yet");
});
