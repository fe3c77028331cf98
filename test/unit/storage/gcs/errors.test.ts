// Proves how each answer of Google Cloud Storage becomes a storage error, by a table of answers.
import { expect, test } from "vitest";
import {
  AccessDeniedError,
  InvalidRangeError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../../../src/storage/errors.ts";
import { GCS_ERRORS, parseError } from "../../../../src/storage/gcs/errors.ts";

const OBJECT = { storage: "gs://bucket", key: "a/b" };
const NOW = new Date("2026-11-24T11:00:00Z");

function document(reason: string, message: string): string {
  return JSON.stringify({ error: { code: 0, message, errors: [{ domain: "global", reason }] } });
}

function errorOf(status: number, body: string, retryAfter: string | null = null): unknown {
  return GCS_ERRORS.toStorageError(parseError({ status, body, retryAfter, now: NOW }), OBJECT);
}

test.each([
  [404, document("notFound", "No such object: bucket/a/b"), ObjectNotFoundError],
  [404, "No such object: bucket/a/b", ObjectNotFoundError],
  [404, document("notFound", "The specified bucket does not exist."), StorageUnavailableError],
  [404, "The specified bucket does not exist.", StorageUnavailableError],
  // What is absent is open, and an open question is no absence.
  [404, document("notFound", "Not Found"), StorageUnavailableError],
  [404, "", StorageUnavailableError],
  [404, "<html>No such object: here</html>", StorageUnavailableError],
  [401, document("authError", "Invalid Credentials"), AccessDeniedError],
  [403, document("forbidden", "no storage.objects.get"), AccessDeniedError],
  [416, "<Error><Code>InvalidRange</Code></Error>", InvalidRangeError],
  [400, document("invalid", "no"), StorageUnavailableError],
  [400, document("customerEncryptionKeyIsIncorrect", "no"), StorageUnavailableError],
])("%i %s is lasting", (status, body, type) => {
  const error = errorOf(status, body);
  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ isTransient: false, key: "a/b", storage: "gs://bucket" });
});

test.each([
  [500, document("backendError", "later"), false],
  [502, "<html>Bad Gateway</html>", false],
  [503, "", true],
  [429, document("rateLimitExceeded", "slower"), true],
  [408, document("uploadBrokenConnection", "later"), false],
])("%i %s passes; throttled: %s", (status, body, isThrottled) => {
  expect(errorOf(status, body, "3")).toMatchObject({
    isTransient: true,
    isThrottled,
    retryAfterMs: 3000,
  });
});

test("a refused condition is no error of the storage", () => {
  const body = document("conditionNotMet", "At least one of the pre-conditions did not hold.");
  const refusal = parseError({ status: 412, body, retryAfter: null, now: NOW });
  expect(GCS_ERRORS.isPrecondition(refusal)).toBe(true);
  expect(GCS_ERRORS.isNotFound(refusal)).toBe(false);
});
