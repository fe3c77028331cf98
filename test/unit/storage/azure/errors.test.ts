// Proves how each answer of Azure Blob Storage becomes a storage error, by a table of answers.
import { expect, test } from "vitest";
import { AZURE_ERRORS } from "../../../../src/storage/azure/errors.ts";
import {
  AccessDeniedError,
  InvalidRangeError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../../../src/storage/errors.ts";
import { ServiceError } from "../../../../src/storage/service/errors.ts";

const OBJECT = { storage: "azure://box", key: "a/b" };
const answer = (status: number, code: string) => new ServiceError({ status, code, message: "no" });

test.each([
  [404, "BlobNotFound", ObjectNotFoundError],
  [404, "ContainerNotFound", StorageUnavailableError],
  [404, "ResourceNotFound", StorageUnavailableError],
  [403, "AuthenticationFailed", AccessDeniedError],
  [401, "InvalidAuthenticationInfo", AccessDeniedError],
  [416, "InvalidRange", InvalidRangeError],
  [400, "InvalidBlockList", StorageUnavailableError],
  [409, "BlobArchived", StorageUnavailableError],
  [409, "LeaseIdMissing", StorageUnavailableError],
])("%i %s is lasting", (status, code, type) => {
  const error = AZURE_ERRORS.toStorageError(answer(status, code), OBJECT);
  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ isTransient: false, key: "a/b", storage: "azure://box" });
});

test.each([
  [500, "InternalError", false],
  [500, "OperationTimedOut", true],
  [503, "ServerBusy", true],
  [429, "", true],
  [400, "Md5Mismatch", false],
])("%i %s passes; throttled: %s", (status, code, isThrottled) => {
  const error = AZURE_ERRORS.toStorageError(answer(status, code), OBJECT);
  expect(error).toMatchObject({ isTransient: true, isThrottled });
});

test("a taken name is a refused condition, by either of its two codes", () => {
  expect(AZURE_ERRORS.isPrecondition(answer(409, "BlobAlreadyExists"))).toBe(true);
  expect(AZURE_ERRORS.isPrecondition(answer(412, "ConditionNotMet"))).toBe(true);
  expect(AZURE_ERRORS.isPrecondition(answer(409, "LeaseIdMissing"))).toBe(false);
  expect(AZURE_ERRORS.isUploadGone(answer(400, "InvalidBlockList"))).toBe(true);
});
