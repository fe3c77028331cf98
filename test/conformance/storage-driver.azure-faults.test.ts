// Proves what the driver of Azure Blob Storage does under faults, by spoiling requests on their
// way to a real server.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ObjectExistsError } from "../../src/storage/errors.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { AZURITE_HOOK_TIMEOUT_MS } from "../support/azurite.ts";
import { azureDialect, startFaultyAzure } from "./storage-driver.azure-faults.ts";
import { NEVER, pattern, put } from "./storage-driver.calls.ts";
import { type FaultyService, MIB } from "./storage-driver.faulty-service.ts";
import { testIdentityFaults } from "./storage-driver.identity-faults.ts";
import { testReadFaults, testWriteFaults } from "./storage-driver.service-faults.ts";

let azure: FaultyService;
beforeAll(async () => {
  azure = await startFaultyAzure();
}, AZURITE_HOOK_TIMEOUT_MS);
afterAll(() => azure?.stop());

testReadFaults(azureDialect(() => azure));
testWriteFaults(azureDialect(() => azure));
testIdentityFaults(azureDialect(() => azure));

test("blocks that another writer of the name dropped are an error that says so", async () => {
  const { driver } = await azure.open();
  const fault = {
    kind: "answer",
    status: 400,
    body: "",
    headers: { "x-ms-error-code": "InvalidBlockList" },
  } as const;
  const rule = { method: "PUT", url: /comp=blocklist/, times: 99, fault };
  const key = toObjectKey("dropped-blocks");
  const body = bytesSource(pattern(5 * MIB, 1));
  azure.proxy.arm(rule);
  const replacing = driver.put(key, body, { ifAbsent: false, signal: NEVER });
  await expect(replacing).rejects.toMatchObject({
    isTransient: false,
    hint: expect.stringContaining("Another process stored the same name"),
  });
  azure.proxy.arm();
  await put(driver, key, pattern(3, 1));
  azure.proxy.arm(rule);
  const fresh = driver.put(key, body, { ifAbsent: true, signal: NEVER });
  await expect(fresh).rejects.toBeInstanceOf(ObjectExistsError);
});
