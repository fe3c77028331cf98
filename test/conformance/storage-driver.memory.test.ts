// Proves that objects in memory keep the guarantees of StorageDriver, by the common suite.
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

testStorageDriver({
  name: "memory",
  open: async () => ({ driver: new MemoryDriver(SYSTEM_CLOCK), close: async () => {} }),
  multipartBytes: 1_500_000,
  listingCount: 1100,
});
