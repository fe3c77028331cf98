// Proves order, bounds and clean-up of an upload in parts.
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../../src/base/byte-budget.ts";
import { uploadInParts } from "../../../../src/storage/service/multipart.ts";
import { PartBuffers } from "../../../../src/storage/service/part-buffers.ts";
import { PartReader } from "../../../../src/storage/service/part-reader.ts";
import { FakeObjectApi, failure } from "../../../support/fake-object-api.ts";

const NEVER = new AbortController().signal;

async function upload(
  api: FakeObjectApi,
  options: { readonly bytes: number; readonly partBytes?: number; readonly signal?: AbortSignal },
) {
  const { signal = NEVER, partBytes = 10 } = options;
  const budget = new ByteBudget(1_000_000);
  const buffers = new PartBuffers(1000);
  async function* stream() {
    for (let sent = 0; sent < options.bytes; sent += 7) {
      yield new Uint8Array(Math.min(7, options.bytes - sent)).fill(sent);
    }
  }
  const reader = new PartReader(stream(), {
    budget,
    buffers,
    partBytes: () => partBytes,
    sizeBytes: undefined,
    signal,
  });
  const first = await reader.next();
  await uploadInParts(
    api,
    { first, reader },
    {
      name: "a",
      create: () => api.createMultipartUpload({ name: "a", putId: "id", ifAbsent: false, signal }),
      concurrencyMax: 3,
      partsMax: 10_000,
      signal,
      repeat: (_, work) => work(),
      complete: ({ uploadId, parts }) =>
        api.completeMultipartUpload({ name: "a", uploadId, parts, ifAbsent: false, signal }),
      tooLarge: () => new Error("too large"),
      onOrphan: () => {},
    },
  );
}

describe("uploadInParts", () => {
  test("parts that end out of order make the object in order, never too many at once", async () => {
    const api = new FakeObjectApi();
    const uploadPart = api.uploadPart.bind(api);
    let inFlight = 0;
    let inFlightMax = 0;
    api.uploadPart = async (request) => {
      inFlight += 1;
      inFlightMax = Math.max(inFlightMax, inFlight);
      for (let turn = 0; turn < (request.partNumber % 3) * 20; turn += 1) await Promise.resolve();
      inFlight -= 1;
      return uploadPart(request);
    };
    await upload(api, { bytes: 95 });
    const expected = Array.from({ length: 95 }, (_, index) => Math.floor(index / 7) * 7);
    expect([...(api.objects.get("a")?.bytes ?? [])]).toEqual(expected);
    expect(inFlightMax).toBe(3);
    expect(api.uploads.size).toBe(0);
  });

  test("a part that fails stops the rest and removes the upload", async () => {
    const api = new FakeObjectApi();
    api.before = (call) => {
      if (call === "part 3") throw failure(403, "AccessDenied");
    };
    await expect(upload(api, { bytes: 10_000 })).rejects.toThrow("as the test wants it");
    expect(api.calls.filter((call) => call.startsWith("part")).length).toBeLessThan(10);
    expect(api.uploads.size).toBe(0);
    expect(api.objects.size).toBe(0);
  });

  test("an abort throws its reason and removes the upload", async () => {
    const api = new FakeObjectApi();
    const stop = new AbortController();
    api.before = (call) => {
      if (call === "part 4") stop.abort(new Error("stopped"));
    };
    await expect(upload(api, { bytes: 10_000, signal: stop.signal })).rejects.toThrow("stopped");
    expect(api.uploads.size).toBe(0);
  });

  test("more than 10,000 parts are refused", async () => {
    const api = new FakeObjectApi();
    await expect(upload(api, { bytes: 70_007, partBytes: 7 })).rejects.toThrow("too large");
    expect(api.uploads.size).toBe(0);
  });
});
