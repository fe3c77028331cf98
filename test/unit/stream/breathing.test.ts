// Proves that bytes pass unchanged, and that a timer fires in the middle of a stream whose source
// and consumer never wait.
import { expect, test } from "vitest";
import { breathing } from "../../../src/stream/breathing.ts";
import { collect } from "../../../src/stream/byte-stream.ts";

async function* busy(chunks: number, msEach: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < chunks; index += 1) {
    const untilMs = performance.now() + msEach;
    while (performance.now() < untilMs);
    yield Uint8Array.of(index);
  }
}

test("passes what it gets", async () => {
  expect(await collect(breathing(busy(5, 0)), 5)).toEqual(Uint8Array.of(0, 1, 2, 3, 4));
});

test("lets a timer fire before the stream ends", async () => {
  let firedAt: number | undefined;
  let seen = 0;
  setTimeout(() => {
    firedAt = seen;
  }, 1);
  for await (const _ of breathing(busy(40, 5))) seen += 1;
  expect(firedAt).toBeLessThan(40);
});

test("passes the source's error on, and closes it when the consumer stops", async () => {
  let isClosed = false;
  const source = (async function* () {
    try {
      yield* busy(3, 0);
      throw new Error("broken");
    } finally {
      isClosed = true;
    }
  })();
  for await (const _ of breathing(source)) break;
  expect(isClosed).toBe(true);
  const failing = (async function* (): AsyncGenerator<Uint8Array> {
    yield* busy(1, 0);
    throw new Error("broken");
  })();
  await expect(collect(breathing(failing), 10)).rejects.toThrow("broken");
});
