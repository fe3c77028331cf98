// Proves that a read-only storage reads everything and changes nothing.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { AccessDeniedError } from "../../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { readOnly } from "../../../../src/storage/wrap/read-only.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;

test("reads pass, changes are refused", async () => {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  const key = toObjectKey("a/b");
  const options = { ifAbsent: false, signal: NEVER };
  await inner.put(key, bytesSource("abc"), options);
  const driver = readOnly(inner);
  await expect(driver.put(key, bytesSource("x"), options)).rejects.toThrow(AccessDeniedError);
  await expect(driver.delete([key], NEVER)).rejects.toThrow(AccessDeniedError);
  expect((await driver.stat(key, NEVER)).sizeBytes).toBe(3);
  expect(await collect(await driver.get(key, { signal: NEVER }), 10)).toHaveLength(3);
  expect(await Array.fromAsync(driver.list("", { signal: NEVER }))).toHaveLength(1);
  expect((await driver.listFolder("a", NEVER)).objects).toHaveLength(1);
  await driver.close();
});
