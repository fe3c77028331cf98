// A journal file is stored once: equal content is success, different content stays and is an
// error, races are decided by comparing, and what waits is stored meanwhile. On real segments,
// with the memory storage.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { CodecName } from "../../../src/codec/codec.ts";
import { openWalFile } from "../../../src/database/postgres/wal-journal.ts";
import { WalQueue } from "../../../src/database/postgres/wal-queue.ts";
import { pushJournal, pushJournalFile } from "../../../src/database/push-journal.ts";
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
  mkdirSync(join(directory, "archive_status"));
  repository = await memoryRepository("lz4");
});
afterEach(() => rmSync(directory, { recursive: true }));

function place(golden: { name: string; bytes: Uint8Array }): string {
  const path = join(directory, golden.name);
  writeFileSync(path, golden.bytes);
  writeFileSync(join(directory, "archive_status", `${golden.name}.ready`), "");
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

function request(path: string, furtherMax = 31) {
  const { log, lines } = recordingLogger();
  const queue = WalQueue.beside(path, { owner: {}, renamesReady: false });
  if (queue === undefined) throw new Error("no queue");
  const onStored: string[] = [];
  return {
    repository,
    queue,
    mayOverwrite: false,
    furtherMax,
    workersMax: 3,
    onStored: async ({ name }: { readonly name: string }) => void onStored.push(name),
    stored: onStored,
    log,
    lines,
    signal,
  };
}

test("stores what waits meanwhile; the server's own call for it finds a mark", async () => {
  const path = place(middle);
  const next = place(switched);
  using file = openWalFile(path, {});
  const first = request(path);
  expect(await pushJournal({ ...first, file })).toBe("stored");
  expect(first.stored.sort()).toEqual([middle.name, switched.name]);
  expect(await stored(switched.name)).toEqual(switched.bytes);
  const marks = join(directory, "walg_data", "walg_archive_status");
  expect(readdirSync(marks)).toEqual([switched.name]);
  using nextFile = openWalFile(next, {});
  expect(await pushJournal({ ...request(next), file: nextFile })).toBe("marked");
  expect(readdirSync(marks)).toEqual([]);
});

test("a mark of another storage, or WAL-G's empty one, does not count", async () => {
  const marks = join(directory, "walg_data", "walg_archive_status");
  mkdirSync(marks, { recursive: true });
  for (const content of ["", "s3://elsewhere\n"]) {
    const path = place(middle);
    writeFileSync(join(marks, middle.name), content);
    repository = await memoryRepository("lz4");
    using file = openWalFile(path, {});
    expect(await pushJournal({ ...request(path), file })).toBe("stored");
    expect(await keysOf(repository.driver)).toHaveLength(1);
  }
});

test("a waiting file that fails only warns, and is not marked", async () => {
  await push(place(switched));
  place(changed(switched));
  const path = place(middle);
  using file = openWalFile(path, {});
  const run = request(path);
  expect(await pushJournal({ ...run, file })).toBe("stored");
  expect(run.lines.join()).toContain("contents differ");
  expect(readdirSync(join(directory, "walg_data", "walg_archive_status"))).toEqual([]);
});

test("a failure of the main file stops the batch", async () => {
  await push(place(middle));
  const path = place(changed(middle));
  place(switched);
  using file = openWalFile(path, {});
  const run = request(path);
  await expect(pushJournal({ ...run, file, workersMax: 1 })).rejects.toMatchObject({
    code: "object-exists",
  });
});

test("stores nothing further beyond the limit, or while another run does", async () => {
  const path = place(middle);
  place(switched);
  using file = openWalFile(path, {});
  await pushJournal({ ...request(path, 0), file });
  const locked = request(path);
  using lock = await locked.queue.lock();
  expect(lock).toBeDefined();
  await pushJournal({ ...locked, file });
  expect(await keysOf(repository.driver)).toEqual([`wal_005/${middle.name}.lz4`]);
});

test("a segment that the server has not filled is stored with a warning", async () => {
  const bytes = middle.bytes.slice();
  bytes.fill(0, 1 << 19);
  const { outcome, lines } = await push(place({ ...middle, bytes }));
  expect(outcome).toBe("stored");
  expect(lines.join()).toContain("was not filled by the server yet");
});
