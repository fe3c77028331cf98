// The order of a backup, proven with a scripted adapter and storage in memory: what is stored when,
// what each failure leaves behind (nothing), and that the end of the session ends everything.
import { describe, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { Catalog } from "../../../src/catalog/catalog.ts";
import { ClockWentBackError, pushBackup } from "../../../src/database/push-backup.ts";
import { ObjectExistsError, StorageUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { type ObjectKey, toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { keysOf, memoryRepository, recordingLogger } from "../../support/memory-repository.ts";
import { SCRIPTED_NAME, ScriptedBackup, WatchedDriver } from "../../support/scripted-backup.ts";

const NEVER = new AbortController().signal;
const FOLDER = `basebackups_005/${SCRIPTED_NAME}`;
const SENTINEL = `${FOLDER}_backup_stop_sentinel.json`;
const FIRST = "wal_005/000000010000000000000002";
const LAST = "wal_005/000000010000000000000003";
const COMPLETE = [
  `${FOLDER}/files_metadata.json`,
  `${FOLDER}/metadata.json`,
  `${FOLDER}/receipts.bin`,
  `${FOLDER}/tar_partitions/backup_label.tar`,
  `${FOLDER}/tar_partitions/part_001.tar`,
  `${FOLDER}/tar_partitions/part_002.tar`,
  `${FOLDER}/tar_partitions/part_003.tar`,
  `${FOLDER}/tar_partitions/pg_control.tar`,
  SENTINEL,
];

interface Setting {
  readonly backup?: ScriptedBackup;
  readonly clock?: Clock;
  readonly partsMax?: number;
  readonly archiveTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal;
}

async function setUp() {
  const driver = new WatchedDriver(new MemoryDriver(SYSTEM_CLOCK));
  const repository = await memoryRepository("none", driver);
  const { log, lines } = recordingLogger();
  const put = (key: string, content = "x") =>
    driver.inner.put(toObjectKey(key), bytesSource(content), { ifAbsent: false, signal: NEVER });
  const push = (setting: Setting = {}) => {
    const backup = setting.backup ?? new ScriptedBackup({ events: driver.events });
    return pushBackup({
      adapter: backup,
      repository,
      backup: { parent: undefined, isPermanent: false, userData: undefined },
      partsMax: setting.partsMax ?? 1,
      archiveTimeoutMs: "archiveTimeoutMs" in setting ? setting.archiveTimeoutMs : 50,
      owner: { hostname: "here", processId: 1, isAlive: () => true },
      clock: setting.clock ?? SYSTEM_CLOCK,
      log,
      signal: setting.signal ?? NEVER,
    });
  };
  return { driver, repository, lines, put, push };
}

/** With the journal in the archive, as when the server archives well. */
async function setUpArchived() {
  const setting = await setUp();
  await setting.put(FIRST);
  await setting.put(LAST);
  return setting;
}

const below = (keys: readonly string[]) => keys.filter((key) => key.startsWith("basebackups_005"));

describe("order", () => {
  test("proof of the archive, parts, end, proof again, documents, receipts, sentinel", async () => {
    const { driver, push } = await setUpArchived();
    const pushed = await push();
    expect(pushed).toMatchObject({ name: SCRIPTED_NAME, plainBytes: 50 });
    expect(below(await keysOf(driver.inner))).toEqual(COMPLETE);
    const order = driver.events.filter((event) => !event.startsWith("stat "));
    const at = (event: string) => {
      expect(order, event).toContain(event);
      return order.indexOf(event);
    };
    const expected = [
      "begin",
      `list ${FIRST}`,
      `put ${FOLDER}/tar_partitions/part_001.tar`,
      `put ${FOLDER}/tar_partitions/part_002.tar`,
      `put ${FOLDER}/tar_partitions/part_003.tar`,
      "finish",
      `put ${FOLDER}/tar_partitions/pg_control.tar`,
      `put ${FOLDER}/tar_partitions/backup_label.tar`,
      `list ${LAST}`,
      "describe",
      `put ${FOLDER}/metadata.json`,
      `put ${FOLDER}/files_metadata.json`,
      `put ${FOLDER}/receipts.bin`,
      `put ${SENTINEL}`,
      "dispose",
    ];
    expect(expected.map(at)).toEqual(expected.map(at).toSorted((a, b) => a - b));
    const puts = order.filter((event) => event.startsWith("put "));
    expect(puts.at(-1)).toBe(`put ${SENTINEL}`);
  });

  test("receipts hold every part, and the sentinel names them", async () => {
    const { repository, push } = await setUpArchived();
    await push({ partsMax: 3 });
    const catalog = new Catalog({ repository, database: "postgres" });
    const sentinel = await catalog.read(SCRIPTED_NAME, NEVER);
    const receipts = await catalog.receipts(sentinel, repository.cipher, NEVER);
    const keys = receipts?.sections.map(({ key }) => key) ?? [];
    expect(keys.toSorted()).toEqual(COMPLETE.filter((key) => key.includes("tar_partitions")));
    expect(receipts?.documents.map(({ name }) => name)).toEqual([
      "metadata.json",
      "files_metadata.json",
    ]);
  });

  test("nothing is copied before the first journal file has arrived", async () => {
    const { driver, push } = await setUp();
    const failure = await push().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "archive-timeout", journal: FIRST.slice(8) });
    const stored = driver.events.filter((event) => event.startsWith("put "));
    expect(stored).toEqual([`put ${FOLDER}/claim.json`]);
    expect(driver.events).toContain("dispose");
  });

  test("without the last journal file nothing is listed, and nothing stays", async () => {
    const { driver, put, push } = await setUp();
    await put(FIRST);
    const failure = await push().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "archive-timeout", journal: LAST.slice(8) });
    expect(await keysOf(driver.inner)).toEqual([FIRST]);
  });

  test("a journal file of another database is no proof", async () => {
    const { driver, push } = await setUpArchived();
    const backup = new ScriptedBackup({
      events: driver.events,
      checkJournal: (name, head) => {
        throw new Error(`${name} is foreign: ${new TextDecoder().decode(head)}`);
      },
    });
    await expect(push({ backup })).rejects.toThrow(`${FIRST.slice(8)} is foreign: x`);
    expect(below(await keysOf(driver.inner))).toEqual([]);
  });

  test("the archive is not looked at when the user forbids it", async () => {
    const { driver, push } = await setUp();
    await push({ archiveTimeoutMs: undefined });
    expect(await keysOf(driver.inner)).toEqual(COMPLETE);
  });
});

describe("what is there already", () => {
  test("a complete backup of the same name stays as it is", async () => {
    const { driver, put, push } = await setUpArchived();
    await put(SENTINEL, "theirs");
    await put(`${FOLDER}/tar_partitions/part_001.tar`, "theirs");
    await expect(push()).rejects.toThrow(ObjectExistsError);
    const part = await driver.get(toObjectKey(`${FOLDER}/tar_partitions/part_001.tar`), {
      signal: NEVER,
    });
    expect(await collect(part, 100)).toEqual(new TextEncoder().encode("theirs"));
    expect(below(await keysOf(driver.inner))).toHaveLength(2);
  });

  test("a backup of that name that was completed meanwhile keeps its objects", async () => {
    const { driver, put, push } = await setUpArchived();
    const backup = new ScriptedBackup({
      events: driver.events,
      onDescribe: async () => {
        await put(SENTINEL, "theirs");
      },
    });
    await expect(push({ backup })).rejects.toThrow(ObjectExistsError);
    expect(below(await keysOf(driver.inner))).toEqual(COMPLETE);
    const sentinel = await driver.get(toObjectKey(SENTINEL), { signal: NEVER });
    expect(await collect(sentinel, 100)).toEqual(new TextEncoder().encode("theirs"));
  });

  test("whatever a crashed backup of that name left is gone", async () => {
    const { driver, put, push } = await setUpArchived();
    await put(`${FOLDER}/tar_partitions/part_004.tar.lz4`);
    await put(`${FOLDER}/tar_partitions/pg_control.tar.zst`);
    await put(`${FOLDER}/files_metadata.json.old`);
    await put("basebackups_005/base_000000010000000000000009/tar_partitions/part_001.tar");
    await push();
    expect(below(await keysOf(driver.inner))).toEqual(
      [
        ...COMPLETE,
        "basebackups_005/base_000000010000000000000009/tar_partitions/part_001.tar",
      ].toSorted(),
    );
  });

  test.each([
    ["removed", undefined, "is gone"],
    ["replaced", "other bytes", "has 11 bytes, 10 were stored"],
  ])("a part that is %s meanwhile fails the backup", async (_how, content, message) => {
    const { driver, put, push } = await setUpArchived();
    const key = `${FOLDER}/tar_partitions/part_002.tar`;
    const backup = new ScriptedBackup({
      events: driver.events,
      onFinish: async () => {
        if (content === undefined) await driver.inner.delete([toObjectKey(key)], NEVER);
        else await put(key, content);
      },
    });
    await expect(push({ backup })).rejects.toThrow(message);
    expect(below(await keysOf(driver.inner))).toEqual([]);
  });

  test("a storage whose clock went back cannot make its older backup the latest", async () => {
    const { driver, put, push } = await setUpArchived();
    const later = toBackupName("base_000000010000000000000001");
    await put(`basebackups_005/${later}_backup_stop_sentinel.json`);
    driver.dateBack(3_600_000);
    await expect(push()).rejects.toThrow(ClockWentBackError);
    expect(below(await keysOf(driver.inner))).toHaveLength(1);
  });
});

describe("failure at each step leaves nothing and ends the session", () => {
  const broken = new Error("broken here");

  test.each([
    "part_001.tar",
    "part_003.tar",
    "pg_control.tar",
    "backup_label.tar",
    "metadata.json",
    "files_metadata.json",
    "receipts.bin",
  ])("the storage refuses %s", async (name) => {
    for (const when of ["before", "after"] as const) {
      const { driver, push } = await setUpArchived();
      driver.fail = (key) => (key.endsWith(`/${name}`) ? { when, error: broken } : undefined);
      await expect(push({ partsMax: 2 })).rejects.toThrow(broken);
      expect(below(await keysOf(driver.inner))).toEqual([]);
      expect(driver.events.at(-1)).toBe("dispose");
    }
  });

  test.each(["before", "after"] as const)(
    "the storage's answer to the sentinel is lost, %s it was stored",
    async (when) => {
      const { driver, push } = await setUpArchived();
      const lost = new StorageUnavailableError({ storage: "memory:", isTransient: false });
      driver.fail = (key) => (key === SENTINEL ? { when, error: lost } : undefined);
      await expect(push()).rejects.toThrow(lost);
      expect(below(await keysOf(driver.inner))).toEqual([]);
      // The sentinel goes first: no moment shows a backup without its parts.
      const removed = driver.events.filter((event) => event.startsWith("delete "));
      expect(removed[0]).toBe(`delete ${SENTINEL}`);
    },
  );

  test.each(["parts", "source", "finish", "journal", "describe"] as const)(
    "the database fails in %s",
    async (failsIn) => {
      const { driver, push } = await setUpArchived();
      const backup = new ScriptedBackup({ events: driver.events, failsIn, error: broken });
      await expect(push({ backup, partsMax: 2 })).rejects.toThrow(broken);
      expect(below(await keysOf(driver.inner))).toEqual([]);
      expect(driver.events.at(-1)).toBe("dispose");
    },
  );

  test("what cannot be removed is said in the log", async () => {
    const { driver, lines, push } = await setUpArchived();
    const backup = new ScriptedBackup({ events: driver.events, failsIn: "finish", error: broken });
    driver.failsToDelete = new Error("read only");
    await expect(push({ backup })).rejects.toThrow(broken);
    expect(lines.join("\n")).toContain("stay in storage: read only");
  });

  test("the receipts' failure ends the copy at once, with its reason", async () => {
    const { driver, push } = await setUpArchived();
    const backup = new ScriptedBackup({ events: driver.events, isEndless: true });
    driver.fail = (key) =>
      key.endsWith("receipts.bin") ? { when: "before", error: broken } : undefined;
    await expect(push({ backup })).rejects.toThrow(broken);
    expect(below(await keysOf(driver.inner))).toEqual([]);
  });
});

describe("ends at once", () => {
  test("when the session is lost in the middle of a part", async () => {
    const { driver, push } = await setUpArchived();
    const backup = new ScriptedBackup({ events: driver.events, isEndless: true });
    const pushed = push({ backup, partsMax: 2 });
    await backup.reading;
    const loss = new Error("the server is gone");
    backup.lose(loss);
    await expect(pushed).rejects.toBe(loss);
    expect(below(await keysOf(driver.inner))).toEqual([]);
    expect(driver.events).toContain("dispose");
  });

  test("when the session is lost while a journal file is awaited", async () => {
    const { push } = await setUp();
    const backup = new ScriptedBackup({ events: [] });
    const pushed = push({ backup, archiveTimeoutMs: 60_000 });
    const loss = new Error("the server is gone");
    backup.lose(loss);
    await expect(pushed).rejects.toBe(loss);
  });

  test("when the user stops it", async () => {
    const { driver, push } = await setUpArchived();
    const stop = new AbortController();
    const backup = new ScriptedBackup({ events: driver.events, isEndless: true });
    const pushed = push({ backup, signal: stop.signal });
    await backup.reading;
    const reason = new Error("interrupted");
    stop.abort(reason);
    await expect(pushed).rejects.toBe(reason);
    expect(below(await keysOf(driver.inner))).toEqual([]);
  });

  test("when a part fails that the next one waits for", async () => {
    const { driver, push } = await setUpArchived();
    const backup = new ScriptedBackup({ events: driver.events, isStream: true });
    const broken = new Error("broken here");
    driver.fail = (key) =>
      key.endsWith("part_001.tar") ? { when: "before", error: broken } : undefined;
    await expect(push({ backup, partsMax: 2 })).rejects.toThrow(broken);
  });

  test("for the other parts when one fails", async () => {
    const { driver, push } = await setUpArchived();
    const backup = new ScriptedBackup({ events: driver.events, isEndless: true });
    const broken = new Error("broken here");
    driver.fail = (key) =>
      key.endsWith("part_002.tar") ? { when: "before", error: broken } : undefined;
    await expect(push({ backup, partsMax: 2 })).rejects.toThrow(broken);
    expect(below(await keysOf(driver.inner))).toEqual([]);
  });
});

test("a write that ends late is awaited before its object is removed", async () => {
  const { driver, push } = await setUpArchived();
  const key: ObjectKey = toObjectKey(`${FOLDER}/receipts.bin`);
  driver.isSlow = (each) => each === key;
  const backup = new ScriptedBackup({
    events: driver.events,
    failsIn: "finish",
    error: new Error("broken here"),
  });
  await expect(push({ backup })).rejects.toThrow("broken here");
  await driver.settled();
  expect(below(await keysOf(driver.inner))).toEqual([]);
});
