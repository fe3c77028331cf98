// Proves that a body is held to its promised size and stops when its signal does.
import { describe, expect, test } from "vitest";
import { openBody } from "../../../src/storage/checked-body.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { type ByteSource, collect } from "../../../src/stream/byte-stream.ts";

function source(sizeBytes: number | undefined, chunks: readonly number[]): ByteSource {
  return {
    sizeBytes,
    replayable: true,
    async *open() {
      for (const chunk of chunks) yield new Uint8Array(chunk);
    },
  };
}

function open(body: ByteSource, signal = new AbortController().signal) {
  return openBody(body, { storage: "memory:", key: toObjectKey("a"), signal });
}

describe("openBody", () => {
  test.each([undefined, 30])("passes %s promised bytes through", async (sizeBytes) => {
    expect(await collect(open(source(sizeBytes, [10, 0, 20])), 100)).toHaveLength(30);
  });

  test.each([29, 31, 0])("refuses 30 bytes when %i were promised", async (sizeBytes) => {
    const reading = collect(open(source(sizeBytes, [10, 20])), 100);
    await expect(reading).rejects.toBeInstanceOf(StorageUnavailableError);
    await expect(collect(open(source(sizeBytes, [10, 20])), 100)).rejects.toMatchObject({
      isTransient: false,
    });
  });

  test("throws the signal's reason between chunks", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    const reading = (async () => {
      for await (const _ of open(source(undefined, [1, 1, 1]), stop.signal)) stop.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
  });
});
