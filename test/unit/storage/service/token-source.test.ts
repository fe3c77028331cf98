// Proves that tokens are asked for once, renewed before they expire or when refused, and that a
// source that hangs or fails holds up nobody for good.
import { expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import {
  cachedTokens,
  sendWithToken,
  type Token,
} from "../../../../src/storage/service/token-source.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;
const MINUTE_MS = 60_000;

function setup(lifeMs: number) {
  let nowMs = 0;
  let count = 0;
  const clock: Clock = { ...SYSTEM_CLOCK, now: () => new Date(nowMs) };
  const ask = async (): Promise<Token> => {
    count += 1;
    return { value: `token-${count}`, expiresAt: new Date(nowMs + lifeMs) };
  };
  const tokens = cachedTokens(ask, { clock, timeoutMs: 1000 });
  return {
    tokens,
    pass: (passedMs: number) => {
      nowMs += passedMs;
    },
  };
}

test("one token serves all until shortly before it expires", async () => {
  const { tokens, pass } = setup(60 * MINUTE_MS);
  const first = await Promise.all([tokens.get(NEVER), tokens.get(NEVER)]);
  expect(first).toEqual(["token-1", "token-1"]);
  pass(54 * MINUTE_MS);
  expect(await tokens.get(NEVER)).toBe("token-1");
  pass(2 * MINUTE_MS);
  expect(await tokens.get(NEVER)).toBe("token-2");
});

test("a failure is its caller's to know, and the next one asks again", async () => {
  let isDown = true;
  const ask = async (): Promise<Token> => {
    if (isDown) throw new ConnectionError("down");
    return { value: "token", expiresAt: undefined };
  };
  const tokens = cachedTokens(ask, { clock: SYSTEM_CLOCK, timeoutMs: 1000 });
  await expect(tokens.get(NEVER)).rejects.toThrow("down");
  isDown = false;
  expect(await tokens.get(NEVER)).toBe("token");
});

test("who gives up does not wait, and nobody waits for ever", async () => {
  const hanging = () => new Promise<Token>(() => {});
  const tokens = cachedTokens(hanging, { clock: SYSTEM_CLOCK, timeoutMs: 20 });
  await expect(tokens.get(NEVER)).rejects.toThrow("no credentials in time");
  const stop = new AbortController();
  const waiting = tokens.get(stop.signal);
  stop.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
});

test("a refused token is renewed once; the same again is the service's last word", async () => {
  const { tokens } = setup(60 * MINUTE_MS);
  const sent: (string | undefined)[] = [];
  const answerTo =
    (status: (authorization: string | undefined) => number) =>
    async (request: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly signal: AbortSignal;
    }) => {
      const { authorization } = request.headers ?? {};
      sent.push(authorization);
      const body = bytesSource("").open(NEVER);
      return { status: status(authorization), headers: new Headers(), body };
    };
  const expired = answerTo((token) => (token === "Bearer token-1" ? 401 : 200));
  expect((await sendWithToken(tokens, { signal: NEVER }, expired)).status).toBe(200);
  expect(sent).toEqual(["Bearer token-1", "Bearer token-2"]);
  sent.length = 0;
  const refusing = answerTo(() => 401);
  expect((await sendWithToken(tokens, { signal: NEVER }, refusing)).status).toBe(401);
  expect(sent).toEqual(["Bearer token-2", "Bearer token-3"]);
  const fixed = { get: async () => "same", forget: () => {} };
  sent.length = 0;
  expect((await sendWithToken(fixed, { signal: NEVER }, refusing)).status).toBe(401);
  expect(sent).toEqual(["Bearer same"]);
});
