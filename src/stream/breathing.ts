import { SYSTEM_CLOCK } from "../base/clock.ts";
import type { ByteStream } from "./byte-stream.ts";
import { nextTurn } from "./turn.ts";

/** Signals, timers and lost connections are noticed within about this time. */
const BREATH_MS = 25;

/**
 * Passes bytes unchanged and lets everything else run now and then: a pipe whose stages all work
 * without waiting (a local file, a codec in JavaScript) would otherwise keep the thread to itself
 * until the stream ends, and an interrupt would come after the last byte.
 */
export async function* breathing(input: ByteStream): AsyncGenerator<Uint8Array> {
  let lastMs = SYSTEM_CLOCK.monotonicMs();
  for await (const chunk of input) {
    yield chunk;
    if (SYSTEM_CLOCK.monotonicMs() - lastMs < BREATH_MS) continue;
    await nextTurn();
    lastMs = SYSTEM_CLOCK.monotonicMs();
  }
}
