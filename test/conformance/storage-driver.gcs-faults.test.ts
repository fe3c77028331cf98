// Proves what the driver of Google Cloud Storage does under faults, by spoiling requests on their
// way to a real server, and what it does with resumable uploads that got only half of a chunk.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource } from "../../src/stream/byte-stream.ts";
import { GCS_HOOK_TIMEOUT_MS } from "../support/gcs-server.ts";
import { NEVER, pattern, put, read } from "./storage-driver.calls.ts";
import { MIB } from "./storage-driver.faulty-service.ts";
import { type FaultyGcs, gcsDialect, startFaultyGcs } from "./storage-driver.gcs-faults.ts";
import { testIdentityFaults } from "./storage-driver.identity-faults.ts";
import { testReadFaults, testWriteFaults } from "./storage-driver.service-faults.ts";

let gcs: FaultyGcs;
beforeAll(async () => {
  gcs = await startFaultyGcs();
}, GCS_HOOK_TIMEOUT_MS);
afterAll(() => gcs?.stop());

testReadFaults(gcsDialect(() => gcs));
testWriteFaults(gcsDialect(() => gcs));
testIdentityFaults(gcsDialect(() => gcs));

describe("GCS, resumable uploads:", () => {
  test("of a chunk that was kept in part only the rest is sent again", async () => {
    const { driver } = await gcs.open();
    const key = toObjectKey("kept-in-part");
    const bytes = pattern(5 * MIB, 1);
    for (const keptBytes of [0, 300_000, MIB]) {
      gcs.proxy.arm();
      gcs.sessions.keepOfNextChunk(keptBytes);
      await put(driver, key, bytes);
      expect(Bun.deepEquals(await read(driver, key), bytes)).toBe(true);
    }
    const ranges = gcs.proxy.seen.flatMap(({ headers }) => headers["content-range"] ?? []);
    expect(ranges).toEqual([
      "bytes 0-2097151/*",
      "bytes 1048576-2097151/*",
      "bytes 2097152-4194303/*",
      "bytes 4194304-5242879/5242880",
    ]);
  });

  test("an upload that failed, or whose name is taken, is removed", async () => {
    const { driver } = await gcs.open();
    const before = gcs.sessions.openCount();
    const bytes = pattern(5 * MIB, 2);
    const key = toObjectKey("removed");
    gcs.proxy.arm({
      method: "PUT",
      url: /upload_id=/,
      skip: 1,
      times: 99,
      fault: { kind: "reset" },
    });
    await expect(put(driver, key, bytes)).rejects.toMatchObject({ isTransient: true });
    expect(gcs.sessions.openCount()).toBe(before);
    gcs.proxy.arm();
    await put(driver, key, pattern(10, 1));
    const taken = driver.put(key, bytesSource(bytes), { ifAbsent: true, signal: NEVER });
    await expect(taken).rejects.toMatchObject({ code: "object-exists" });
    expect(gcs.sessions.openCount()).toBe(before);
    // Refused at its start: no byte was sent in vain.
    expect(gcs.proxy.seen.some(({ method }) => method === "PUT")).toBe(false);
  });

  test("an upload that the service forgot is an error at once, and nothing is stored", async () => {
    const { driver, policy } = await gcs.open();
    const key = toObjectKey("forgotten");
    const fault = { kind: "answer", status: 410, body: "" } as const;
    gcs.proxy.arm({ method: "PUT", url: /upload_id=/, skip: 1, times: 99, fault });
    await expect(put(driver, key, pattern(5 * MIB, 3))).rejects.toMatchObject({
      isTransient: false,
      hint: expect.stringContaining("stores it anew"),
    });
    expect(policy.retries).toEqual([]);
  });
});
