// Proves how each answer of the service becomes a storage error, by a table of answers.
import { describe, expect, test } from "vitest";
import {
  AccessDeniedError,
  InvalidRangeError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../../../src/storage/errors.ts";
import { S3_ERRORS } from "../../../../src/storage/s3/errors.ts";
import {
  ConnectionError,
  parseRetryAfter,
  ServiceError,
} from "../../../../src/storage/service/errors.ts";

const { isNotFound, isPrecondition, isUnsupportedCondition, toStorageError } = S3_ERRORS;

const OBJECT = { storage: "s3://bucket", key: "a/b" };

function answer(status: number, code: string): ServiceError {
  return new ServiceError({ status, code, message: "said so" });
}

describe("toStorageError", () => {
  test.each([
    [404, "NoSuchKey", ObjectNotFoundError],
    [404, "", ObjectNotFoundError],
    [404, "NoSuchBucket", StorageUnavailableError],
    [404, "NoSuchUpload", StorageUnavailableError],
    [403, "AccessDenied", AccessDeniedError],
    [403, "", AccessDeniedError],
    [401, "", AccessDeniedError],
    [400, "ExpiredToken", AccessDeniedError],
    [403, "RequestTimeTooSkewed", AccessDeniedError],
    [416, "InvalidRange", InvalidRangeError],
    [400, "InvalidArgument", StorageUnavailableError],
  ])("%i %s is lasting", (status, code, type) => {
    const error = toStorageError(answer(status, code), OBJECT);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ isTransient: false, key: "a/b", storage: "s3://bucket" });
  });

  test.each([
    [400, "InvalidRequest", "Bucket is missing ObjectLockConfiguration", /S3_RETENTION_PERIOD/],
    [404, "ObjectLockConfigurationNotFoundError", "there is none", /S3_RETENTION_PERIOD/],
    [400, "InvalidArgument", "said so", /as it is: check the settings/],
    [501, "NotImplemented", "said so", /as it is: check the settings/],
    [404, "NoSuchBucket", "said so", /Create the bucket/],
    [503, "SlowDown", "said so", undefined],
  ])("%i %s has a hint of its own, unless it may pass", (status, code, message, hint) => {
    const error = toStorageError(new ServiceError({ status, code, message }), OBJECT);
    if (hint === undefined) expect(error).toMatchObject({ hint });
    else expect(error).toMatchObject({ hint: expect.stringMatching(hint) });
  });

  test.each([
    [500, "InternalError", false],
    [502, "", false],
    [503, "SlowDown", true],
    [503, "", true],
    [504, "", false],
    [429, "", true],
    [400, "RequestTimeout", false],
    [408, "", false],
    [409, "OperationAborted", false],
    [499, "", false],
    [400, "Throttling", true],
    [200, "InternalError", false],
    [200, "SlowDown", true],
    [400, "BadDigest", false],
  ])("%i %s passes; throttled: %s", (status, code, isThrottled) => {
    const error = toStorageError(answer(status, code), OBJECT);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ isTransient: true, isThrottled });
  });

  test("501 is lasting: the service will never learn it", () => {
    const error = toStorageError(answer(501, "NotImplemented"), OBJECT);
    expect(error).toMatchObject({ isTransient: false });
  });

  test("keeps what the service said, and how long it asked to wait", () => {
    const cause = new ServiceError({
      status: 503,
      code: "SlowDown",
      message: "reduce your rate",
      retryAfterMs: 3000,
    });
    expect(toStorageError(cause, OBJECT)).toMatchObject({
      message: "s3://bucket/a/b: storage failed: SlowDown: reduce your rate",
      retryAfterMs: 3000,
      cause,
    });
  });

  test.each([
    ["ECONNRESET", true],
    ["ECONNREFUSED", true],
    ["ENOTFOUND", true],
    ["SELF_SIGNED_CERT_IN_CHAIN", false],
    ["CERT_HAS_EXPIRED", false],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", false],
    ["ERR_TLS_CERT_ALTNAME_INVALID", false],
  ])("a connection that fails by %s: may a repetition help? %s", (code, isTransient) => {
    const cause = Object.assign(new Error("it failed"), { code });
    const error = toStorageError(new ConnectionError("the request failed", cause), OBJECT);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ isTransient });
    expect(String(error)).toContain(code);
  });

  test("leaves foreign errors as they are", () => {
    const error = new TypeError("a bug");
    expect(toStorageError(error, OBJECT)).toBe(error);
  });
});

test("conditions: refused, in conflict, and not understood", () => {
  expect(isPrecondition(answer(412, "PreconditionFailed"))).toBe(true);
  expect(isPrecondition(answer(409, "ConditionalRequestConflict"))).toBe(true);
  expect(isPrecondition(answer(409, "OperationAborted"))).toBe(false);
  expect(isUnsupportedCondition(answer(501, ""))).toBe(true);
  expect(isUnsupportedCondition(answer(400, "NotImplemented"))).toBe(true);
  expect(isUnsupportedCondition(answer(412, ""))).toBe(false);
  expect(isNotFound(answer(404, "NoSuchBucket"))).toBe(false);
});

test("Retry-After is seconds or a date", () => {
  const now = new Date("2026-11-24T11:00:00Z");
  expect(parseRetryAfter("120", now)).toBe(120_000);
  expect(parseRetryAfter("Tue, 24 Nov 2026 11:00:30 GMT", now)).toBe(30_000);
  expect(parseRetryAfter("Tue, 24 Nov 2026 10:00:00 GMT", now)).toBe(0);
  for (const nonsense of [null, undefined, "", "soon", "-1"]) {
    expect(parseRetryAfter(nonsense, now) ?? 0).toBeLessThan(1);
  }
});
