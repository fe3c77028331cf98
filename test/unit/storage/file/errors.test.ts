// Proves how errors of the file system become storage errors, one errno at a time.
import { describe, expect, test } from "vitest";
import { AccessDeniedError, StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { isAbsence, toStorageError } from "../../../../src/storage/file/errors.ts";

const OBJECT = { storage: "file:///mnt", key: "a/b" };

function errorOf(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code });
}

describe("toStorageError", () => {
  test.each(["EACCES", "EPERM", "EROFS"])("%s is a refusal", (code) => {
    expect(toStorageError(errorOf(code), OBJECT)).toBeInstanceOf(AccessDeniedError);
  });

  test.each([
    ["ESTALE", true],
    ["ETIMEDOUT", true],
    ["EMFILE", true],
    ["ENOSPC", false],
    ["EIO", false],
    ["ENAMETOOLONG", false],
    ["ENOENT", false],
  ])("%s: may a repetition help? %s", (code, isTransient) => {
    const cause = errorOf(code);
    const error = toStorageError(cause, OBJECT);
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(error).toMatchObject({ isTransient, cause, key: "a/b", storage: "file:///mnt" });
    expect(error.message).toBe(`file:///mnt/a/b: storage failed: ${code}`);
  });

  test("a full disk gets a hint", () => {
    expect(toStorageError(errorOf("ENOSPC"), OBJECT).hint).toContain("Free space");
  });
});

test.each([
  ["ENOENT", true],
  ["ENOTDIR", true],
  ["EISDIR", true],
  ["EACCES", false],
  ["EIO", false],
])("isAbsence of %s is %s", (code, expected) => {
  expect(isAbsence(errorOf(code))).toBe(expected);
});
