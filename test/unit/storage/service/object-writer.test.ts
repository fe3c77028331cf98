// Proves conditional and lost writes with answers that no real server gives on demand.
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { ObjectExistsError, StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { S3_ERRORS } from "../../../../src/storage/s3/errors.ts";
import { ObjectWriter } from "../../../../src/storage/service/object-writer.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { FakeObjectApi, failure } from "../../../support/fake-object-api.ts";
import { quickPolicy } from "../../../support/retry-policy.ts";

const NEVER = new AbortController().signal;
const KEY = toObjectKey("a");
const MIB = 1024 * 1024;

function setup(conditionalPut = true) {
  const api = new FakeObjectApi();
  const lines: string[] = [];
  const writer = new ObjectWriter({
    name: "s3://bucket",
    keyPrefix: "p/",
    api,
    budget: new ByteBudget(16 * MIB),
    sizing: {
      partsMax: 10_000,
      partBytesMin: MIB,
      partBytesMax: MIB,
      budgetBytes: 16 * MIB,
      partsInFlightMax: 2,
    },
    errors: S3_ERRORS,
    partSizeSetting: "S3_MAX_PART_SIZE",
    policy: quickPolicy(3),
    conditionalPut,
    clock: SYSTEM_CLOCK,
    log: createLogger("debug", (level, message) => void lines.push(`${level} ${message}`)),
  });
  const write = (bytes: Uint8Array | string, ifAbsent = true) =>
    writer.write(KEY, bytesSource(bytes), { ifAbsent, signal: NEVER });
  return { api, write, lines };
}

/** Throws once, at the given call. */
function once(at: string, error: Error): (call: string) => void {
  let isDone = false;
  return (call) => {
    if (call !== at || isDone) return;
    isDone = true;
    throw error;
  };
}

describe("ObjectWriter", () => {
  test("one request for a small object, and the service's time", async () => {
    const { api, write } = setup();
    expect(await write("abc")).toEqual({ key: "a", sizeBytes: 3, modifiedAt: new Date(1000) });
    expect(api.calls).toEqual(["put"]);
    expect([...api.objects.keys()]).toEqual(["p/a"]);
  });

  test("a service that is not known to honour the condition is asked first", async () => {
    const { api, write } = setup(false);
    await write("abc");
    expect(api.calls).toEqual(["head", "put"]);
    await expect(write("abc")).rejects.toBeInstanceOf(ObjectExistsError);
    expect(api.calls.slice(2)).toEqual(["head"]);
    api.objects.clear();
    api.calls.length = 0;
    await write(new Uint8Array(2 * MIB));
    // Once more before the object becomes visible: reading the parts took a while.
    expect(api.calls.filter((call) => call === "head")).toHaveLength(2);
    expect(api.calls.at(-2)).toBe("head");
  });

  test.each(["put", "complete"])("a %s whose answer was lost is its own success", async (call) => {
    const { api, write } = setup();
    api.after = once(call, failure(500, "InternalError"));
    const bytes = new Uint8Array(call === "put" ? 3 : 2 * MIB);
    expect((await write(bytes)).sizeBytes).toBe(bytes.byteLength);
    expect(api.uploads.size).toBe(0);
    await expect(write(bytes)).rejects.toBeInstanceOf(ObjectExistsError);
  });

  test("409 with nothing there is repeated, and exists once somebody won", async () => {
    const { api, write } = setup();
    api.before = once("put", failure(409, "ConditionalRequestConflict"));
    await write("abc");
    expect(api.calls).toEqual(["put", "head", "put"]);
    const lost = setup();
    lost.api.before = (call) => {
      if (call !== "put" || lost.api.objects.size > 0) return;
      lost.api.objects.set("p/a", { bytes: new Uint8Array(1), putId: "other", etag: '"x"' });
      throw failure(409, "ConditionalRequestConflict");
    };
    await expect(lost.write("abc")).rejects.toBeInstanceOf(ObjectExistsError);
    expect(lost.api.objects.get("p/a")?.putId).toBe("other");
  });

  test("without a condition, 412 is an error and nothing is asked of others", async () => {
    const { api, write } = setup();
    api.before = (call) => {
      if (call === "put") throw failure(403, "AccessDenied");
    };
    await expect(write("abc", false)).rejects.toMatchObject({ code: "access-denied" });
    expect(api.calls).toEqual(["put"]);
  });

  test("an upload that vanished is an error, not an absent object", async () => {
    const { api, write } = setup();
    api.before = (call) => {
      if (call === "complete") api.uploads.clear();
    };
    const error = await write(new Uint8Array(2 * MIB)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(String(error)).toContain("NoSuchUpload");
  });

  test("an upload that cannot be removed is told, and the first error comes out", async () => {
    const { api, write, lines } = setup();
    api.before = (call) => {
      if (call === "part 2" || call === "abort") throw failure(403, "AccessDenied");
    };
    await expect(write(new Uint8Array(3 * MIB))).rejects.toMatchObject({ code: "access-denied" });
    expect(lines).toEqual([
      "warning s3://bucket/a: an unfinished multipart upload could not be removed",
    ]);
  });
});
