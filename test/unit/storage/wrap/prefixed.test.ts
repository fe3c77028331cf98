// Proves that the part of a storage below a folder keeps every guarantee, by the common suite.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { prefixed } from "../../../../src/storage/wrap/prefixed.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { testStorageDriver } from "../../../conformance/storage-driver.suite.ts";

const NEVER = new AbortController().signal;

testStorageDriver({
  name: "prefixed memory",
  async open() {
    const inner = new MemoryDriver(SYSTEM_CLOCK);
    // Neighbours that must stay unseen.
    for (const name of ["sub", "sub-1/x", "other/y", "subx"]) {
      await inner.put(toObjectKey(name), bytesSource("n"), { ifAbsent: true, signal: NEVER });
    }
    return { driver: prefixed(inner, "sub/folder"), close: async () => {} };
  },
  multipartBytes: 1_500_000,
  listingCount: 20,
});

test("sees nothing beside its folder, and stores below it", async () => {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  const put = { ifAbsent: true, signal: NEVER };
  await inner.put(toObjectKey("other/y"), bytesSource("n"), put);
  const driver = prefixed(inner, "sub");
  await driver.put(toObjectKey("a"), bytesSource("x"), put);
  expect(driver.name).toBe("memory:/sub");
  expect((await inner.stat(toObjectKey("sub/a"), NEVER)).sizeBytes).toBe(1);
  const keys = await Array.fromAsync(driver.list("", { signal: NEVER }));
  expect(keys.map(({ key }) => key)).toEqual(["a"]);
});
