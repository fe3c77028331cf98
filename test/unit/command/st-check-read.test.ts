// Proves that the check of reading names what is missing, and says when the storage is gone.
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { ST_CHECK_READ_SPEC } from "../../../src/command/specs/st.ts";
import { run } from "../../../src/command/st-check-read.ts";
import { failedTo } from "../../../src/command/storage-check.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { StorageFolder } from "../../support/storage-folder.ts";

const COMMAND = { spec: ST_CHECK_READ_SPEC, run };

test("is content with a storage that can be listed, and with objects that are there", async () => {
  using storage = new StorageFolder();
  storage.put("d/a");
  storage.put("b");
  expect((await storage.run(COMMAND, [])).logged).toEqual(["info Read check OK"]);
  expect((await storage.run(COMMAND, ["d/a", "/b"])).logged).toEqual(["info Read check OK"]);
});

test("names every object that is missing", async () => {
  using storage = new StorageFolder();
  storage.put("d/a");
  await expect(storage.run(COMMAND, ["x", "d/a", "d"])).rejects.toMatchObject({
    code: "object-not-found",
    message: "files are missing: x, d",
  });
});

test("fails when the storage went away", async () => {
  using storage = new StorageFolder();
  rmSync(storage.root, { recursive: true });
  await expect(storage.run(COMMAND, [])).rejects.toThrow("there is no directory");
});

test("says what failed, with the storage's own words and code", async () => {
  const cause = new StorageUnavailableError({ storage: "s3://bucket", detail: "timed out" });
  const failing = failedTo("list the storage", () => Promise.reject(cause));
  await expect(failing).rejects.toMatchObject({
    code: "storage",
    message: "failed to list the storage: s3://bucket: storage failed: timed out",
    cause,
  });
});
