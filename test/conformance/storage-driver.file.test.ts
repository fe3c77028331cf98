// Proves that a directory keeps the guarantees of StorageDriver, by the common suite.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { openFileStorage } from "../../src/storage/file/driver.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

testStorageDriver({
  name: "file",
  open: async () => {
    const base = mkdtempSync(join(tmpdir(), "tidemark-file-storage-"));
    return {
      driver: openFileStorage(base, { below: "some/folder", clock: SYSTEM_CLOCK }),
      close: async () => rmSync(base, { recursive: true }),
    };
  },
  multipartBytes: 1_500_000,
  listingCount: 1100,
});
