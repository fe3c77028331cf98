// Waiting files are stored and marked one by one; the first that fails ends it without a mark, and
// what the server archived meanwhile is left alone. On real segments, with the memory storage.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { openWalFile } from "../../../src/database/postgres/wal-journal.ts";
import { WalQueue } from "../../../src/database/postgres/wal-queue.ts";
import { type AheadRequest, pushAhead } from "../../../src/database/push-ahead.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";
import { otherHistory } from "../../support/wal-archive.ts";

const middle = goldenSegment(17, "middle");
const switched = goldenSegment(17, "switched");
const NAMES = [middle.name, switched.name];
let directory = "";
let repository: Repository;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "push-ahead-"));
  mkdirSync(join(directory, "archive_status"));
  repository = await memoryRepository("none");
  for (const golden of [middle, switched]) place(golden);
});
afterEach(() => rmSync(directory, { recursive: true }));

function place(golden: { readonly name: string; readonly bytes: Uint8Array }): void {
  writeFileSync(join(directory, golden.name), golden.bytes);
  writeFileSync(join(directory, "archive_status", `${golden.name}.ready`), "");
}

/** As the server, once it was told that the file is archived. */
function archived(name: string): void {
  const path = join(directory, "archive_status", name);
  renameSync(`${path}.ready`, `${path}.done`);
}

function marks(): string[] {
  try {
    return readdirSync(join(directory, "walg_data", "walg_archive_status")).sort();
  } catch {
    return [];
  }
}

function request(change: Partial<AheadRequest> = {}) {
  const { log, lines } = recordingLogger();
  const queue = WalQueue.beside(join(directory, middle.name), {
    fingerprint: "own",
    renamesReady: false,
  });
  if (queue === undefined) throw new Error("no queue");
  const stored: string[] = [];
  return {
    repository,
    queue,
    names: NAMES,
    workersMax: 1,
    open: (name: string) => openWalFile(join(directory, name), {}),
    mayGoOn: () => true,
    onStored: async ({ name }: { readonly name: string }) => {
      // The mark comes last: it makes the server's own call do nothing.
      expect(marks()).not.toContain(name);
      stored.push(name);
    },
    log,
    lines,
    stored,
    signal: new AbortController().signal,
    ...change,
  };
}

test.each([1, 2])("stores and marks what waits, with %d workers", async (workersMax) => {
  const run = request({ workersMax });
  await pushAhead(run);
  expect(await keysOf(repository.driver)).toEqual(NAMES.map((name) => `wal_005/${name}`));
  expect(run.stored.sort()).toEqual(NAMES);
  expect(marks()).toEqual(NAMES);
  for (const name of NAMES) expect(run.queue.takeMark(name)).toBe(true);
});

test("other content under the name ends it without a mark", async () => {
  await pushAhead(request());
  rmSync(join(directory, "walg_data"), { recursive: true });
  place(otherHistory(middle));
  const run = request();
  await expect(pushAhead(run)).rejects.toMatchObject({ code: "object-exists" });
  expect(marks()).toEqual([]);
  expect(run.stored).toEqual([]);
});

test("what its own records cannot be kept of is not marked", async () => {
  const onStored = () => Promise.reject(new Error("no space for metadata"));
  await expect(pushAhead(request({ onStored }))).rejects.toThrow("no space for metadata");
  expect(marks()).toEqual([]);
});

test("goes on only while there is reason to", async () => {
  let asked = 0;
  await pushAhead(request({ mayGoOn: () => (asked += 1) === 1 }));
  expect(marks()).toEqual([middle.name]);
});

test("what was archived in the meantime is passed over", async () => {
  archived(middle.name);
  await pushAhead(request());
  expect(marks()).toEqual([switched.name]);
});

/** Something happens once all bytes were read, and before the storage has decided. */
class WatchedDriver extends MemoryDriver {
  onRead: () => void = () => {};
  override async put(...[key, body, options]: Parameters<MemoryDriver["put"]>) {
    const onRead = () => this.onRead();
    const watched = {
      ...body,
      async *open(signal: AbortSignal) {
        let isFirst = true;
        for await (const chunk of body.open(signal)) {
          if (isFirst) onRead();
          isFirst = false;
          yield chunk;
        }
      },
    };
    return super.put(key, watched, options);
  }
}

test.each([
  ["archived by another call", () => archived(middle.name)],
  [
    "archived and recycled",
    () => renameSync(join(directory, middle.name), join(directory, "00000001000000000000000F")),
  ],
])("a file that is %s while it is read is not stored, nor marked", async (_, happen) => {
  const driver = new WatchedDriver(SYSTEM_CLOCK);
  repository = await memoryRepository("none", driver);
  driver.onRead = () => {
    driver.onRead = () => {};
    happen();
  };
  const run = request();
  await pushAhead(run);
  expect(await keysOf(driver)).toEqual([`wal_005/${switched.name}`]);
  expect(marks()).toEqual([switched.name]);
  expect(run.lines.join()).toContain("was archived while it was read");
});
