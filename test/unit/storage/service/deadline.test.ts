// Proves that a request without an answer is ended in time, and one with an answer is let be.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { withDeadline } from "../../../../src/storage/service/deadline.ts";
import type { Transport } from "../../../../src/storage/service/transport.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;
const REQUEST = { method: "GET", url: new URL("http://localhost/"), headers: {}, body: undefined };
const LIMIT = { clock: SYSTEM_CLOCK, limitMs: 20, setting: "SOME_TIMEOUT" };

test("the limit ends the request and is named", async () => {
  const silent: Transport = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const sending = withDeadline(silent, LIMIT)({ ...REQUEST, signal: NEVER });
  await expect(sending).rejects.toThrow("no answer within SOME_TIMEOUT");
  const stop = new AbortController();
  const stopped = withDeadline(silent, LIMIT)({ ...REQUEST, signal: stop.signal });
  stop.abort(new Error("stopped"));
  await expect(stopped).rejects.toThrow("stopped");
});

test("after the answer's head the body may take longer", async () => {
  let signal = NEVER;
  const answering: Transport = async (request) => {
    signal = request.signal;
    return { status: 200, headers: new Headers(), body: bytesSource("").open(NEVER) };
  };
  expect((await withDeadline(answering, LIMIT)({ ...REQUEST, signal: NEVER })).status).toBe(200);
  await Bun.sleep(40);
  expect(signal.aborted).toBe(false);
});
