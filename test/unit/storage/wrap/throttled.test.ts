// Proves that objects move through a throttled storage whole and no faster than the limit, both
// ways together, that everything else passes as it was, and that an unread stream is closed.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { throttled } from "../../../../src/storage/wrap/throttled.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";
import { TokenBucket } from "../../../../src/stream/token-bucket.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const NEVER = new AbortController().signal;
const key = toObjectKey("a/b");

test("several objects, up and down at once, share one rate", async () => {
  const clock = new VirtualClock();
  const driver = throttled(new MemoryDriver(SYSTEM_CLOCK), new TokenBucket(1_000_000, clock));
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const work = Array.from({ length: 50 }, async (_, index) => {
    const own = toObjectKey(`many/${index}`);
    await driver.put(own, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
    return await collect(await driver.get(own, { signal: NEVER }), 100_000);
  });
  for (const found of await clock.run(Promise.all(work))) expect(found).toEqual(bytes);
  const rate = (2 * 50 * 60_000) / clock.monotonicMs() / 1000;
  expect(rate).toBeGreaterThan(0.95);
  expect(rate).toBeLessThan(1.05);
});

test("a body keeps its size and its word that it can be read again", async () => {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  const seen: unknown[] = [];
  const put = inner.put.bind(inner);
  inner.put = (at, body, options) => {
    seen.push([body.sizeBytes, body.replayable]);
    return put(at, body, options);
  };
  const driver = throttled(inner, new TokenBucket(1e9, new VirtualClock()));
  const body = { ...bytesSource("abc"), replayable: false };
  await driver.put(key, body, { ifAbsent: false, signal: NEVER });
  expect(seen).toEqual([[3, false]]);
});

test("everything else passes as it was", async () => {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  const driver = throttled(inner, new TokenBucket(1, new VirtualClock()));
  await inner.put(key, bytesSource("abc"), { ifAbsent: true, signal: NEVER });
  expect([driver.name, driver.traits]).toEqual([inner.name, inner.traits]);
  expect((await driver.stat(key, NEVER)).sizeBytes).toBe(3);
  expect(await Array.fromAsync(driver.list("", { signal: NEVER }))).toHaveLength(1);
  expect((await driver.listFolder("", NEVER)).folders).toEqual(["a"]);
  await driver.delete([key], NEVER);
  await expect(driver.get(key, { signal: NEVER })).rejects.toThrow("not found");
  await driver.close();
});

test("a stream that nobody reads is closed", async () => {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  let closings = 0;
  inner.get = async () => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: new Uint8Array(1) }),
      return: async () => {
        closings += 1;
        return { done: true, value: undefined };
      },
    }),
  });
  const driver = throttled(inner, new TokenBucket(1e9, new VirtualClock()));
  const unread = (await driver.get(key, { signal: NEVER }))[Symbol.asyncIterator]();
  await unread.return?.();
  expect(closings).toBe(1);
});
