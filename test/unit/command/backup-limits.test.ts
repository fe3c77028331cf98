// Proves how fast and how much at once a backup may read, by settings and by --turbo.
import { expect, test } from "vitest";
import { diskLimit, readersMax } from "../../../src/command/disk-limits.ts";
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

test("--turbo reads four files at once, or more where more are set", () => {
  expect(readersMax(invocation({}))).toBe(1);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "3" }))).toBe(3);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "3" }, "--turbo"))).toBe(4);
  expect(readersMax(invocation({ WALG_UPLOAD_DISK_CONCURRENCY: "9" }, "--turbo"))).toBe(9);
});
