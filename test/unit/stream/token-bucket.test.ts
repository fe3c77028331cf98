// Proves that a rate is held within 5 % over a transfer and never passed, however many streams
// share it, however late timers fire, and whatever stalls come in between: on a clock of its own.
import { describe, expect, test } from "vitest";
import { TokenBucket } from "../../../src/stream/token-bucket.ts";
import { seededRandom } from "../../support/random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const NEVER = new AbortController().signal;
const KIB = 1024;

interface Transfer {
  readonly bytesPerSecond: number;
  readonly chunkBytes: () => number;
  readonly chunkCount: number;
  readonly streams: number;
}

/** Moves the chunks through one bucket; the rate that came of it, as a part of the limit. */
async function ratio(transfer: Transfer, clock: VirtualClock): Promise<number> {
  const bucket = new TokenBucket(transfer.bytesPerSecond, clock);
  const startMs = clock.monotonicMs();
  let movedBytes = 0;
  const move = async () => {
    for (let index = 0; index < transfer.chunkCount; index += 1) {
      const bytes = transfer.chunkBytes();
      await bucket.take(bytes, NEVER);
      movedBytes += bytes;
    }
  };
  await clock.run(Promise.all(Array.from({ length: transfer.streams }, move)));
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  return movedBytes / seconds / transfer.bytesPerSecond;
}

describe("TokenBucket", () => {
  test.each([
    ["one stream of small chunks", 1 << 20, 4 * KIB, 2000, 1],
    ["one stream of large chunks", 1 << 20, 512 * KIB, 100, 1],
    ["eight streams", 10 << 20, 64 * KIB, 400, 8],
    ["a rate that no timer keeps up with by itself", 2 ** 30, 64 * KIB, 4000, 4],
    ["a crawl", 1000, 3 * KIB, 20, 3],
  ])("holds the rate over %s", async (_, bytesPerSecond, chunkBytes, chunkCount, streams) => {
    const transfer = { bytesPerSecond, chunkBytes: () => chunkBytes, chunkCount, streams };
    const held = await ratio(transfer, new VirtualClock());
    expect(held).toBeGreaterThan(0.95);
    expect(held).toBeLessThan(1.05);
  });

  test("holds it with chunks of any size and timers that are late", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = seededRandom(seed);
      const clock = new VirtualClock(() => random.below(30));
      const transfer = {
        bytesPerSecond: 100_000 + random.below(50_000_000),
        chunkBytes: () => 1 + random.below(512 * KIB),
        chunkCount: 400,
        streams: 1 + random.below(6),
      };
      const held = await ratio(transfer, clock);
      expect(held, `seed ${seed}`).toBeGreaterThan(0.95);
      expect(held, `seed ${seed}`).toBeLessThan(1.05);
    }
  });

  test("makes up for short stalls, and is no faster after a long one", async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(1_000_000, clock);
    const moved = async (bytes: number) => {
      const startMs = clock.monotonicMs();
      for (let left = bytes; left > 0; left -= 10_000) await clock.run(bucket.take(10_000, NEVER));
      return clock.monotonicMs() - startMs;
    };
    expect(await moved(1_000_000)).toBeCloseTo(1000, -1);
    clock.advance(200);
    expect(await moved(1_000_000)).toBeCloseTo(800, -1);
    clock.advance(60_000);
    expect(await moved(1_000_000)).toBeCloseTo(750, -1);
  });

  test("starts without a burst", async () => {
    const clock = new VirtualClock();
    clock.advance(100_000);
    const bucket = new TokenBucket(1000, clock);
    await clock.run(bucket.take(1000, NEVER));
    expect(clock.monotonicMs()).toBe(101_000);
  });

  test("an abort ends the waiting, and one before it takes nothing", async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(10, clock);
    const reason = new Error("stopped");
    await expect(bucket.take(10, AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const taking = bucket.take(1000, stop.signal);
    stop.abort(reason);
    await expect(taking).rejects.toBe(reason);
  });
});
