// Proves which refused requests are worth sending once more: by time, or with other credentials.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../../../src/base/log.ts";
import { mayResend } from "../../../../src/storage/s3/refusal.ts";
import { ServiceClock } from "../../../../src/storage/service/service-clock.ts";

const used = { accessKeyId: "old", secretAccessKey: "secret" };

function ask(status: number, code: string, date: string | null = null) {
  const replaced: unknown[] = [];
  const clock = new ServiceClock(SYSTEM_CLOCK, { log: SILENT_LOGGER, storage: "s3://b" });
  const credentials = {
    get: async () => used,
    replace: async (refused: unknown) => replaced.push(refused) > 0,
  };
  return mayResend({ credentials, clock }, { status, code, date, used }).then((may) => ({
    may,
    replaced,
  }));
}

test.each([
  [400, "ExpiredToken", true],
  [403, "InvalidAccessKeyId", true],
  [403, "", true],
  [400, "", true],
  [403, "AccessDenied", false],
  [404, "", false],
  [404, "NoSuchKey", false],
  [503, "SlowDown", false],
])("%i %s: others are asked for: %s", async (status, code, may) => {
  expect(await ask(status, code)).toEqual({ may, replaced: may ? [used] : [] });
});

test("a refusal with another time is none of the credentials", async () => {
  const date = new Date(0).toUTCString();
  expect(await ask(403, "RequestTimeTooSkewed", date)).toEqual({ may: true, replaced: [] });
});
