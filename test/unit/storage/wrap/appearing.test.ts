// Proves that a put waits until its object can be seen, as often as set, and fails when it cannot.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { AccessDeniedError, ObjectNotFoundError } from "../../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { appearing } from "../../../../src/storage/wrap/appearing.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";
import { alteredDriver } from "../../../support/altered-driver.ts";
import { keysOf, recordingLogger } from "../../../support/memory-repository.ts";

const KEY = toObjectKey("a/b");
const { signal } = new AbortController();

function setUp(checksMax: number, hiddenFor: number, error?: Error) {
  const memory = new MemoryDriver(SYSTEM_CLOCK);
  const { log, lines } = recordingLogger();
  const waits: number[] = [];
  let stats = 0;
  const slow = alteredDriver(memory, {
    stat: async (key, stop) => {
      stats += 1;
      if (error !== undefined) throw error;
      if (stats <= hiddenFor) throw new ObjectNotFoundError({ storage: "x", key });
      return await memory.stat(key, stop);
    },
  });
  const clock = {
    ...SYSTEM_CLOCK,
    sleep: async (ms: number) => {
      waits.push(ms);
    },
  };
  const driver = appearing(slow, { checksMax, intervalMs: 70, clock, log });
  const put = () => driver.put(KEY, bytesSource("content"), { ifAbsent: true, signal });
  return { driver, put, waits, lines, stats: () => stats };
}

test("waits between looks until the object is there", async () => {
  const { put, waits, lines } = setUp(3, 2);
  expect((await put()).sizeBytes).toBe(7);
  expect(waits).toEqual([70, 70]);
  expect(lines).toEqual([
    "warning: a/b hasn't appeared in the target storage (check 1 of 3)",
    "warning: a/b hasn't appeared in the target storage (check 2 of 3)",
  ]);
});

test("fails when it is never there, or cannot be looked for", async () => {
  await expect(setUp(3, 3).put()).rejects.toThrow("(3 checks performed)");
  const denied = new AccessDeniedError({ storage: "x" });
  await expect(setUp(3, 0, denied).put()).rejects.toBe(denied);
});

test("looks once where it is there at once, and not at all with 0", async () => {
  const once = setUp(3, 0);
  await once.put();
  expect([once.stats(), once.waits]).toEqual([1, []]);
  const never = setUp(0, 9);
  await never.put();
  expect(never.stats()).toBe(0);
});

test("passes everything else on", async () => {
  const { driver, put } = setUp(1, 0);
  await put();
  expect(await keysOf(driver)).toEqual([KEY]);
  expect((await driver.listFolder("a", signal)).objects.length).toBe(1);
  const bytes = await collect(await driver.get(KEY, { signal }), 100);
  expect(new TextDecoder().decode(bytes)).toBe("content");
  await driver.delete([KEY], signal);
  expect(await keysOf(driver)).toEqual([]);
  await driver.close();
});
