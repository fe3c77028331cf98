// Proves what an answer's headers say of its bytes, and that half-said is an error.
import { describe, expect, test } from "vitest";
import { ConnectionError } from "../../../../src/storage/service/errors.ts";
import {
  contentRangeOf,
  requireEtag,
  wholeHeader,
} from "../../../../src/storage/service/http-fields.ts";

describe("contentRangeOf", () => {
  test("200 is the whole object, 206 the range that it names", () => {
    const whole = { range: { offset: 0, length: 7 }, totalBytes: 7 };
    expect(contentRangeOf(200, { length: 7, range: null })).toEqual(whole);
    expect(contentRangeOf(206, { length: 3, range: "bytes 2-4/7" })).toEqual({
      range: { offset: 2, length: 3 },
      totalBytes: 7,
    });
  });

  test.each([null, undefined, "", "bytes 2-4/*", "bytes */7", "2-4/7", "bytes 2-4/7x"])(
    "206 with range %j is no answer",
    (range) => {
      expect(() => contentRangeOf(206, { length: 3, range })).toThrow(ConnectionError);
    },
  );

  test("200 without a size is no answer", () => {
    expect(() => contentRangeOf(200, { length: undefined, range: null })).toThrow(ConnectionError);
  });
});

test.each([
  ["0", 0],
  ["123", 123],
  ["", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  [null, undefined],
])("wholeHeader(%j) is %s", (text, expected) => {
  expect(wholeHeader(text)).toBe(expected);
});

test("an answer without an entity tag is not the service's", () => {
  expect(requireEtag('"1"')).toBe('"1"');
  for (const none of [null, undefined, ""]) {
    expect(() => requireEtag(none)).toThrow(ConnectionError);
  }
});
