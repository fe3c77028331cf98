// Proves that each call that succeeded is one debug line, and that failures are left to the caller.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { createLogger, type LogFacts } from "../../../../src/base/log.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { logged } from "../../../../src/storage/wrap/logged.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;

test("tells operation, key, bytes and time of every call", async () => {
  const lines: [string, string, LogFacts][] = [];
  const log = createLogger("debug", (...line) => void lines.push(line));
  let timeMs = 0;
  const clock = { ...SYSTEM_CLOCK, monotonicMs: () => (timeMs += 7) };
  const driver = logged(new MemoryDriver(SYSTEM_CLOCK), log, clock);
  const key = toObjectKey("a/b");
  await driver.put(key, bytesSource("abc"), { ifAbsent: true, signal: NEVER });
  await driver.stat(key, NEVER);
  await collect(await driver.get(key, { signal: NEVER }), 10);
  await Array.fromAsync(driver.list("a", { signal: NEVER }));
  await driver.listFolder("a", NEVER);
  await driver.delete([key], NEVER);
  await expect(driver.stat(key, NEVER)).rejects.toThrow();
  await driver.close();
  expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual(
    ["put", "stat", "get", "list", "list folder", "delete"].map(
      (operation) => `debug memory:: ${operation}`,
    ),
  );
  expect(lines[0]?.[2]).toEqual({ key: "a/b", bytes: 3, tookMs: 7 });
  expect(lines[3]?.[2]).toMatchObject({ prefix: "a", objects: 1 });
});
