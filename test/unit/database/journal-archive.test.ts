// A WAL file counts as archived when the repository has it, under any codec: waiting is bounded,
// told once, ends with an abort, and the first and last file are shown to whoever checks them.
import { describe, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import {
  ArchiveTimeoutError,
  waitForJournal,
  walArchive,
} from "../../../src/database/journal-archive.ts";
import { ObjectNotFoundError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const NEVER = new AbortController().signal;
const NAMES = ["02", "03", "04"].map((end) => `0000000100000000000000${end}`);

/** A clock whose sleeps pass at once; `onSleep` sees the time before each. */
function steppingClock(onSleep: (nowMs: number) => void = () => {}) {
  let nowMs = 0;
  const slept: number[] = [];
  const clock: Clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: async (delayMs, signal) => {
      signal.throwIfAborted();
      onSleep(nowMs);
      signal.throwIfAborted();
      slept.push(delayMs);
      nowMs += delayMs;
    },
  };
  return { clock, slept };
}

async function setUp() {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  const repository = await memoryRepository("zstd", driver);
  const archive = walArchive(repository);
  const put = (key: string, content = "x") =>
    driver.put(toObjectKey(key), bytesSource(content), { ifAbsent: false, signal: NEVER });
  return { driver, repository, archive, put };
}

describe("the archive", () => {
  test("knows a file under every extension, and no other name", async () => {
    const { archive, put, driver } = await setUp();
    const name = NAMES[0] ?? "";
    expect(await archive.contains(name, NEVER)).toBe(false);
    for (const near of [
      `${name}.00000028.backup.zst`,
      `${name}.partial.zst`,
      `${name}_delta.zst`,
    ]) {
      await put(`wal_005/${near}`);
    }
    expect(await archive.contains(name, NEVER)).toBe(false);
    for (const suffix of ["", ".", ".zst", ".lz4", ".br", ".lzma", ".gz", ".lzo"]) {
      await put(`wal_005/${name}${suffix}`);
      expect(await archive.contains(name, NEVER), suffix).toBe(true);
      await driver.delete([toObjectKey(`wal_005/${name}${suffix}`)], NEVER);
    }
  });

  test("gives the first bytes of a file, whatever its codec", async () => {
    const { archive, repository } = await setUp();
    const content = new Uint8Array(100_000).fill(7);
    for (const [index, codec] of (["none", "zstd", "lz4"] as const).entries()) {
      const writing = { ...repository, codec: await repository.codecFor(codec) };
      const name = `0000000100000000000000${index}0`;
      const extension = writing.codec.extension;
      const key = `wal_005/${name}${extension === "" ? "" : `.${extension}`}`;
      await writeObject(writing, {
        key,
        source: bytesSource(content),
        ifAbsent: true,
        signal: NEVER,
      });
      const head = Buffer.from((await archive.head(name, NEVER)) ?? "");
      expect(head.equals(content.subarray(0, 8192))).toBe(true);
    }
    await writeObject(repository, {
      key: "wal_005/0000000100000000000000AA.zst",
      source: bytesSource("short"),
      ifAbsent: true,
      signal: NEVER,
    });
    const head = await archive.head("0000000100000000000000AA", NEVER);
    expect(new TextDecoder().decode(head)).toBe("short");
    expect(await archive.head("0000000100000000000000AB", NEVER)).toEqual(new Uint8Array(0));
  });

  test("passes on what the storage says", async () => {
    const { driver } = await setUp();
    const broken = new Error("no service");
    const failing = new Proxy(driver, {
      get: (target, key, receiver) =>
        key === "list"
          ? () => {
              throw broken;
            }
          : (Reflect.get(target, key, receiver) as unknown),
    });
    const archive = walArchive(await memoryRepository("none", failing));
    await expect(archive.contains(NAMES[0] ?? "", NEVER)).rejects.toThrow(broken);
    expect(broken).not.toBeInstanceOf(ObjectNotFoundError);
  });
});

describe("waiting", () => {
  test("ends when the last file has come, and is told once a file", async () => {
    const { archive, put } = await setUp();
    const { log, lines } = recordingLogger();
    await put(`wal_005/${NAMES[0]}.zst`);
    const { clock, slept } = steppingClock((nowMs) => {
      if (nowMs > 10_000) void put(`wal_005/${NAMES[1]}.zst`);
      if (nowMs > 20_000) void put(`wal_005/${NAMES[2]}.lz4`);
    });
    await waitForJournal(NAMES, { archive, timeoutMs: 60_000, clock, log, signal: NEVER });
    expect(lines).toEqual([
      `info: waiting for WAL file ${NAMES[1]} in the repository`,
      `info: waiting for WAL file ${NAMES[2]} in the repository`,
    ]);
    expect(slept.slice(0, 7)).toEqual([20, 40, 80, 160, 320, 640, 1000]);
    expect(Math.max(...slept)).toBe(1000);
  });

  test("is bounded for all files together", async () => {
    const { archive, put } = await setUp();
    const { log } = recordingLogger();
    const { clock, slept } = steppingClock((nowMs) => {
      if (nowMs > 3000) void put(`wal_005/${NAMES[0]}.zst`);
    });
    const waiting = waitForJournal(NAMES, { archive, timeoutMs: 5000, clock, log, signal: NEVER });
    const failure = await waiting.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ArchiveTimeoutError);
    expect(failure).toMatchObject({ journal: NAMES[1], code: "archive-timeout" });
    expect(String(failure)).toContain("within 5 s");
    expect(slept.reduce((sum, delayMs) => sum + delayMs, 0)).toBe(5000);
  });

  test("of no time at all looks once", async () => {
    const { archive, put } = await setUp();
    const { log } = recordingLogger();
    const { clock, slept } = steppingClock();
    const wait = { archive, timeoutMs: 0, clock, log, signal: NEVER };
    await expect(waitForJournal(NAMES.slice(0, 1), wait)).rejects.toThrow(ArchiveTimeoutError);
    await put(`wal_005/${NAMES[0]}`);
    await waitForJournal(NAMES.slice(0, 1), wait);
    expect(slept).toEqual([]);
  });

  test("ends with an abort, for its reason", async () => {
    const { archive } = await setUp();
    const { log } = recordingLogger();
    const stop = new AbortController();
    const reason = new Error("stopped");
    const { clock } = steppingClock((nowMs) => {
      if (nowMs > 1000) stop.abort(reason);
    });
    const wait = { archive, timeoutMs: 60_000, clock, log, signal: stop.signal };
    await expect(waitForJournal(NAMES, wait)).rejects.toBe(reason);
  });

  test("shows the first and the last file, and fails when one is a stranger's", async () => {
    const { archive, put } = await setUp();
    const { log } = recordingLogger();
    for (const name of NAMES) await put(`wal_005/${name}`, name);
    const shown: [string, string][] = [];
    const { clock } = steppingClock();
    const wait = { archive, timeoutMs: 0, clock, log, signal: NEVER };
    const check = (name: string, head: Uint8Array) => {
      shown.push([name, new TextDecoder().decode(head)]);
    };
    await waitForJournal(NAMES, { ...wait, check });
    expect(shown).toEqual([
      [NAMES[0], NAMES[0]],
      [NAMES[2], NAMES[2]],
    ]);
    const refuse = () => {
      throw new Error("a stranger's");
    };
    await expect(waitForJournal(NAMES, { ...wait, check: refuse })).rejects.toThrow("stranger");
  });
});
