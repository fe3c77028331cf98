// Proves that a throttled stream has the same bytes in the same order, in pieces that never make a
// reader wait for long, and that a chunk which need not be cut is passed on as it is.
import { expect, test } from "vitest";
import { concatBytes } from "../../../src/stream/byte-stream.ts";
import { throttle } from "../../../src/stream/throttle.ts";
import { TokenBucket } from "../../../src/stream/token-bucket.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const NEVER = new AbortController().signal;

async function* streamOf(...chunks: readonly Uint8Array[]) {
  yield* chunks;
}

test("cuts what would wait for long, and nothing else", async () => {
  const clock = new VirtualClock();
  const small = new Uint8Array(100).fill(1);
  const large = Uint8Array.from({ length: 1001 }, (_, index) => index);
  const stage = throttle(new TokenBucket(1000, clock), NEVER);
  const passed: { readonly chunk: Uint8Array; readonly atMs: number }[] = [];
  const reading = (async () => {
    for await (const chunk of stage(streamOf(small, large, new Uint8Array()))) {
      passed.push({ chunk, atMs: clock.monotonicMs() });
    }
  })();
  await clock.run(reading);
  expect(passed[0]?.chunk).toBe(small);
  expect(concatBytes(passed.map(({ chunk }) => chunk))).toEqual(concatBytes([small, large]));
  const gaps = passed.map(({ atMs }, index) => atMs - (passed[index - 1]?.atMs ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(250);
  expect(clock.monotonicMs()).toBeCloseTo(1100, 0);
});

test("a rate below the pieces of a second still moves bytes", async () => {
  const clock = new VirtualClock();
  const stage = throttle(new TokenBucket(1, clock), NEVER);
  const reading = Array.fromAsync(stage(streamOf(new Uint8Array(3))));
  expect(await clock.run(reading)).toHaveLength(3);
  expect(clock.monotonicMs()).toBeCloseTo(3000, -1);
});

test("a consumer that stops closes what it read from", async () => {
  let isClosed = false;
  async function* source() {
    try {
      for (;;) yield new Uint8Array(10);
    } finally {
      isClosed = true;
    }
  }
  const stage = throttle(new TokenBucket(1e9, new VirtualClock()), NEVER);
  for await (const _ of stage(source())) break;
  expect(isClosed).toBe(true);
});
