// Proves when a service's time takes the place of this machine's, and that one refusal is enough.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import { ServiceClock, sendInTime } from "../../../../src/storage/service/service-clock.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const MINUTE_MS = 60_000;
const after = (minutes: number) => new Date(START + minutes * MINUTE_MS);

function setup() {
  const warnings: unknown[] = [];
  let own = after(0);
  const log = { ...SILENT_LOGGER, warning: (_: string, facts?: unknown) => warnings.push(facts) };
  const clock = new ServiceClock({ ...SYSTEM_CLOCK, now: () => own }, { log, storage: "s3://b" });
  return { clock, warnings, set: (minutes: number) => (own = after(minutes)) };
}

test("only a refusal with a time that is far away changes ours, there and back", () => {
  const { clock, warnings, set } = setup();
  for (const [status, date] of [
    [200, after(60).toUTCString()],
    [500, after(60).toUTCString()],
    [403, after(4).toUTCString()],
    [403, null],
    [403, "yesterday"],
  ] as const) {
    expect(clock.learn(status, date)).toBe(false);
    expect(clock.now()).toEqual(after(0));
  }
  expect(clock.learn(403, after(60).toUTCString())).toBe(true);
  expect(clock.now()).toEqual(after(60));
  expect(clock.learn(403, after(60).toUTCString())).toBe(false);
  // The machine's clock was set right meanwhile.
  set(60);
  expect(clock.learn(401, after(60).toUTCString())).toBe(true);
  expect(clock.now()).toEqual(after(60));
  expect(warnings).toEqual([{ offsetS: 3600 }, { offsetS: 0 }]);
});

test("a request is sent once more, and not a third time", async () => {
  const { clock } = setup();
  const sent: Date[] = [];
  const refuse = async () => {
    sent.push(clock.now());
    const headers = new Headers({ date: after(60).toUTCString() });
    return { status: 403, headers, body: bytesSource("no").open(new AbortController().signal) };
  };
  expect((await sendInTime(clock, refuse)).status).toBe(403);
  expect(sent).toEqual([after(0), after(60)]);
});
