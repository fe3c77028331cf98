// Proves that the check of writing really writes, removes what it wrote, and says when it cannot.
import { watch } from "node:fs";
import { expect, test } from "vitest";
import { ST_CHECK_WRITE_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-check-write.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_CHECK_WRITE_SPEC, run };

test("writes an object of 32 hexadecimal digits and removes it", async () => {
  using storage = new StorageFolder();
  storage.put("kept");
  const seen = new Set<string>();
  using _watcher = disposable(watch(storage.root, (_event, name) => seen.add(String(name))));
  expect((await storage.run(COMMAND, [])).logged).toEqual(["info Write check OK"]);
  await Bun.sleep(50);
  expect([...seen].some((name) => /^[0-9a-f]{32}$/.test(name))).toBe(true);
  expect(storage.keys()).toEqual(["kept"]);
});

function disposable(watcher: ReturnType<typeof watch>): Disposable {
  return { [Symbol.dispose]: () => watcher.close() };
}

test("says that writing failed, and why", async () => {
  using storage = new StorageFolder();
  // A name is too long for any user, root included, where permissions are not.
  const environment = { WALG_STORAGE_PREFIX: "x".repeat(300) };
  await expect(storage.run(COMMAND, [], { environment })).rejects.toThrow(
    /^failed to write to the storage: file:.*ENAMETOOLONG/,
  );
});
