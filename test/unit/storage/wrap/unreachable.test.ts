// Proves that a storage that could not be opened fails every request, for that reason.
import { expect, test } from "vitest";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { unreachable } from "../../../../src/storage/wrap/unreachable.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";

test("fails with the reason, for good", async () => {
  const { signal } = new AbortController();
  const key = toObjectKey("a");
  const driver = unreachable("second", new Error("not mounted"));
  const list = async () => {
    for await (const _ of driver.list("", { signal }));
  };
  for (const request of [
    driver.put(key, bytesSource("x"), { ifAbsent: true, signal }),
    driver.get(key, { signal }),
    driver.stat(key, signal),
    driver.listFolder("", signal),
    driver.delete([key], signal),
    list(),
  ]) {
    await expect(request).rejects.toMatchObject({
      code: "storage",
      message: "second: storage failed: not mounted",
      isTransient: false,
    });
  }
  await driver.close();
});
