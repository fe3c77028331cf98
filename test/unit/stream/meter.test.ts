// Proves that meters pass bytes unchanged and report exactly what passed.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { countingMeter, hashingMeter } from "../../../src/stream/meter.ts";

const { signal } = new AbortController();
const content = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);

test("counts, and tells each chunk's size", async () => {
  const told: number[] = [];
  const meter = countingMeter((bytes) => told.push(bytes));
  expect(await collect(meter.stage(bytesSource(content).open(signal)), 1000)).toEqual(content);
  expect(meter.sizeBytes()).toBe(1000);
  expect(told).toEqual([1000]);
});

test("takes the SHA-256 of what passed", async () => {
  const meter = hashingMeter();
  await collect(meter.stage(bytesSource(content).open(signal)), 1000);
  expect(meter.sizeBytes()).toBe(1000);
  expect(meter.sha256()).toBe(createHash("sha256").update(content).digest("hex"));
});
