// Proves what the common suite cannot see of objects in memory: time, and bytes kept apart.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;

test("takes the time from its clock, and gives out copies of the bytes", async () => {
  const at = new Date("2026-01-02T03:04:05.678Z");
  const driver = new MemoryDriver({ ...SYSTEM_CLOCK, now: () => at });
  const key = toObjectKey("a/b");
  await driver.put(key, bytesSource("abc"), { ifAbsent: true, signal: NEVER });
  expect((await driver.stat(key, NEVER)).modifiedAt).toEqual(at);
  for await (const chunk of await driver.get(key, { signal: NEVER })) chunk.fill(0);
  const [again] = await Array.fromAsync(await driver.get(key, { signal: NEVER }));
  expect(new TextDecoder().decode(again)).toBe("abc");
});
