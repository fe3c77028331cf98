// Proves ranges and resumed streams with answers that no real server gives on demand.
import { describe, expect, test } from "vitest";
import { InvalidRangeError, StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { S3_ERRORS } from "../../../../src/storage/s3/errors.ts";
import type { GetAnswer } from "../../../../src/storage/service/api.ts";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import { ObjectReader } from "../../../../src/storage/service/object-reader.ts";
import { collect } from "../../../../src/stream/byte-stream.ts";
import { FakeObjectApi } from "../../../support/fake-object-api.ts";
import { quickPolicy } from "../../../support/retry-policy.ts";

const NEVER = new AbortController().signal;
const KEY = toObjectKey("a");
const BYTES = Uint8Array.from({ length: 100 }, (_, index) => index);

/** Spoils the body of the first `times` answers after so many bytes. */
function setup(options: { spoil?: (answer: GetAnswer) => GetAnswer; times?: number } = {}) {
  const api = new FakeObjectApi();
  api.objects.set("p/a", { bytes: BYTES, putId: undefined, etag: '"1"' });
  const getObject = api.getObject.bind(api);
  let spoiled = 0;
  api.getObject = async (request) => {
    const answer = await getObject(request);
    if (options.spoil === undefined || spoiled >= (options.times ?? 1)) return answer;
    spoiled += 1;
    return options.spoil(answer);
  };
  const reader = new ObjectReader({
    errors: S3_ERRORS,
    name: "s3://bucket",
    keyPrefix: "p/",
    api,
    policy: quickPolicy(3),
    resumesMax: 2,
  });
  return { api, reader };
}

function cutAfter(bytes: number, error?: Error) {
  return (answer: GetAnswer): GetAnswer => ({
    ...answer,
    body: (async function* () {
      yield (await collect(answer.body, 1000)).slice(0, bytes);
      if (error !== undefined) throw error;
    })(),
  });
}

async function read(reader: ObjectReader, range?: { offset: number; length: number }) {
  const options = range === undefined ? { signal: NEVER } : { range, signal: NEVER };
  return new Uint8Array(await collect(await reader.read(KEY, options), 1000));
}

describe("ObjectReader", () => {
  test.each([
    ["breaks", new ConnectionError("reset")],
    ["ends early without saying so", undefined],
  ])("a stream that %s goes on where it stopped", async (_, error) => {
    const { api, reader } = setup({ spoil: cutAfter(30, error) });
    expect(await read(reader)).toEqual(BYTES);
    expect(
      await read(setup({ spoil: cutAfter(5, error) }).reader, { offset: 10, length: 20 }),
    ).toEqual(BYTES.slice(10, 30));
    expect(api.calls).toEqual(["get", "get"]);
  });

  test("a stream that breaks too often gives up", async () => {
    const { reader } = setup({ spoil: cutAfter(1), times: 99 });
    await expect(read(reader)).rejects.toBeInstanceOf(StorageUnavailableError);
  });

  test("another object of the name ends it", async () => {
    const { api, reader } = setup({ spoil: cutAfter(30) });
    const stream = await reader.read(KEY, { signal: NEVER });
    api.objects.set("p/a", { bytes: BYTES, putId: undefined, etag: '"2"' });
    await expect(collect(stream, 1000)).rejects.toThrow("replaced while it was read");
  });

  test("a service without entity tags cannot prove that it goes on", async () => {
    const { reader } = setup({ spoil: (answer) => ({ ...cutAfter(30)(answer), etag: undefined }) });
    await expect(read(reader)).rejects.toThrow("replaced while it was read");
  });

  test("more bytes than were announced are an error, not a repetition", async () => {
    const long = (answer: GetAnswer): GetAnswer => ({
      ...answer,
      body: (async function* () {
        yield BYTES;
        yield new Uint8Array(1);
      })(),
    });
    const { api, reader } = setup({ spoil: long, times: 99 });
    await expect(read(reader)).rejects.toThrow("longer than it said");
    expect(api.calls).toEqual(["get"]);
  });

  test("ranges: exact, empty, and past the end", async () => {
    const { reader } = setup();
    expect(await read(reader, { offset: 99, length: 1 })).toEqual(BYTES.slice(99));
    expect(await read(reader, { offset: 100, length: 0 })).toEqual(new Uint8Array());
    for (const [offset, length] of [
      [99, 2],
      [100, 1],
      [101, 0],
      [-1, 1],
    ] as const) {
      await expect(read(reader, { offset, length })).rejects.toBeInstanceOf(InvalidRangeError);
    }
  });
});
