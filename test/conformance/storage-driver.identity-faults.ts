// What must hold when an object service refuses who asks, or the time of the asking.
import { describe, expect, test } from "vitest";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import type { FaultProxy } from "../support/fault-proxy.ts";
import { listed, NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import {
  type FaultDialect,
  type FaultyService,
  WrongClock,
} from "./storage-driver.faulty-service.ts";

const HOUR_MS = 3_600_000;

export function testIdentityFaults(dialect: FaultDialect): void {
  const { service, largeBytes, expired, timed } = dialect;
  const open: FaultyService["open"] = (...options) => service().open(...options);
  const arm: FaultProxy["arm"] = (...rules) => service().proxy.arm(...rules);

  describe(`${dialect.name}, refusals:`, () => {
    test.each([-5, -0.4, 0.4, 5])(
      "a clock that is wrong by %d hours stops nothing",
      async (hours) => {
        const clock = new WrongClock();
        const { driver, policy } = await open(timed(), { clock });
        const keys = ["small", "large"].map((name) => toObjectKey(`clock/${hours}/${name}`));
        const sizes = [1000, largeBytes];
        arm();
        clock.shiftMs = hours * HOUR_MS;
        for (const [index, key] of keys.entries()) {
          const bytes = pattern(sizes[index] ?? 0, index);
          await driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
          expect((await driver.stat(key, NEVER)).sizeBytes).toBe(bytes.byteLength);
          expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
        }
        // Somebody sets the clock right meanwhile.
        clock.shiftMs = 0;
        expect(await listed(driver, `clock/${hours}/`)).toHaveLength(2);
        await driver.delete(keys, NEVER);
        expect(await listed(driver, `clock/${hours}/`)).toEqual([]);
        expect(policy.retries).toEqual([]);
      },
    );

    test("refused credentials are one error at once, and good again when they are", async () => {
      const { driver, policy } = await open(timed());
      const key = toObjectKey("expired/object");
      const bytes = pattern(1000, 1);
      arm();
      await put(driver, key, bytes);
      for (const call of [
        () => put(driver, toObjectKey("expired/other"), bytes),
        () => put(driver, toObjectKey("expired/large"), pattern(largeBytes, 2)),
        () => read(driver, key),
        () => driver.stat(key, NEVER),
        () => listed(driver, "expired/"),
        () => driver.delete([key], NEVER),
      ]) {
        arm({ times: 99, fault: expired() });
        const error = await call().catch((caught: unknown) => caught);
        // S3 answers HEAD without a word.
        const isOpen = Object(error).cause?.code === "";
        expect(error).toBeInstanceOf(isOpen ? StorageUnavailableError : AccessDeniedError);
        expect(error).toMatchObject({ isTransient: false });
        expect(Object(error).hint).toMatch(/credentials|ACCESS_KEY/i);
        expect(String(error)).toContain(driver.name);
        expect(service().proxy.seen.length).toBeLessThan(5);
        arm();
        expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
      }
      expect((await listed(driver, "expired/")).map((info) => info.key)).toEqual([key]);
      expect(policy.retries).toEqual([]);
    });
  });
}
