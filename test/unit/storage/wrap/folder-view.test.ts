// Proves that every call of a driver reaches the moved folder under its shown name, that keys come
// back under it, and that everything beside it is the storage's own.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { folderView } from "../../../../src/storage/wrap/folder-view.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const signal = new AbortController().signal;
const text = async (driver: Pick<MemoryDriver, "get">, key: string) =>
  new TextDecoder().decode(await collect(await driver.get(toObjectKey(key), { signal }), 100));

async function scene() {
  const inner = new MemoryDriver(SYSTEM_CLOCK);
  const put = (driver: Pick<MemoryDriver, "put">, key: string, body = key) =>
    driver.put(toObjectKey(key), bytesSource(body), { ifAbsent: false, signal });
  for (const key of ["shown/old", "shown2/a", "wal/1"]) await put(inner, key);
  return { inner, put, view: folderView(inner, { shown: "shown", stored: "stored" }) };
}

test("writes, reads and removes in the stored folder, keys under the shown one", async () => {
  const { inner, put, view } = await scene();
  expect((await put(view, "shown/b/part", "x")).key).toBe("shown/b/part");
  expect(await text(inner, "stored/b/part")).toBe("x");
  expect(await text(view, "shown/b/part")).toBe("x");
  expect(await view.stat(toObjectKey("shown/b/part"), signal)).toMatchObject({
    key: "shown/b/part",
    sizeBytes: 1,
  });
  await expect(view.stat(toObjectKey("shown/old"), signal)).rejects.toThrow("stored/old");
  await view.delete([toObjectKey("shown/b/part"), toObjectKey("shown/old")], signal);
  expect(await Array.fromAsync(inner.list("stored", { signal }))).toEqual([]);
  expect(await text(inner, "shown/old")).toBe("shown/old");
});

test("lists the stored folder under the shown name, from any key on", async () => {
  const { put, view } = await scene();
  for (const key of ["shown/b/1", "shown/b/2", "shown/b.json"]) await put(view, key);
  const keys = async (prefix: string, after?: string) => {
    const from = after === undefined ? {} : { after: toObjectKey(after) };
    return (await Array.fromAsync(view.list(prefix, { ...from, signal }))).map(({ key }) => key);
  };
  expect(await keys("shown/b/")).toEqual(["shown/b/1", "shown/b/2"]);
  expect(await keys("shown/b/", "shown/b/1")).toEqual(["shown/b/2"]);
  expect((await view.listFolder("shown", signal)).objects.map(({ key }) => key)).toEqual([
    "shown/b.json",
  ]);
  await expect(keys("")).rejects.toThrow("reach over");
});

test("what lies beside it is the storage's own", async () => {
  const { view } = await scene();
  expect(await text(view, "wal/1")).toBe("wal/1");
  expect(await text(view, "shown2/a")).toBe("shown2/a");
  await view.close();
});
