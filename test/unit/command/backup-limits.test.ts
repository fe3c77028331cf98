// Proves how fast and how much at once a backup may read, by settings and by --turbo.
import { expect, test } from "vitest";
import { diskLimit, networkThrottle, readersMax } from "../../../src/command/backup-limits.ts";
import { GLOBAL_OPTIONS } from "../../../src/command/global-options.ts";
import { testInvocation } from "../../support/invocation.ts";

function invocation(environment: Readonly<Record<string, string>>, ...words: string[]) {
  return testInvocation({ options: GLOBAL_OPTIONS }, { environment, words });
}

test("the disk is limited as set, and not at all by default or with --turbo", () => {
  const environment = { WALG_DISK_RATE_LIMIT: "1000" };
  expect(diskLimit(invocation({}))).toBeUndefined();
  expect(diskLimit(invocation(environment))?.bytesPerSecond).toBe(1000);
  expect(diskLimit(invocation(environment, "--turbo"))).toBeUndefined();
});

test("what goes to another host passes at the network's rate, or with --turbo", async () => {
  const made = invocation({ WALG_NETWORK_RATE_LIMIT: "1000" });
  let sleptMs = 0;
  const clock = { ...made.clock, sleep: async (delayMs: number) => void (sleptMs += delayMs) };
  async function* bytes() {
    yield new Uint8Array(1000);
  }
  const passed = await Array.fromAsync(networkThrottle({ ...made, clock })(bytes()));
  expect(passed.reduce((sum, chunk) => sum + chunk.byteLength, 0)).toBe(1000);
  expect(sleptMs).toBeGreaterThan(900);
  for (const free of [invocation({}), invocation({ WALG_NETWORK_RATE_LIMIT: "1" }, "--turbo")]) {
    const input = bytes();
    expect(networkThrottle(free)(input)).toBe(input);
  }
});

test("--turbo reads four files at once, or more where more are set", () => {
  expect(readersMax(invocation({}))).toBe(1);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "3" }))).toBe(3);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "3" }, "--turbo"))).toBe(4);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "9" }, "--turbo"))).toBe(9);
});
