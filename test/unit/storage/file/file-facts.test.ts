// Proves that size and time of a real file come out whole, to the last nanosecond.
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { factsOf } from "../../../../src/storage/file/file-facts.ts";
import { makeScratch } from "../../../support/scratch.ts";

test("keeps the nanoseconds, of which the date has the milliseconds", () => {
  using scratch = makeScratch("facts");
  const path = join(scratch.path, "x");
  writeFileSync(path, "12345");
  Bun.spawnSync(["touch", "-d", "2026-01-02T03:04:05.123456789Z", path]);
  expect(factsOf(statSync(path, { bigint: true }))).toEqual({
    sizeBytes: 5,
    modifiedAt: new Date("2026-01-02T03:04:05.123Z"),
    modifiedNs: BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n + 123_456_789n,
  });
});
