// Proves what each storage error says of itself: code, object, detail, and whether to repeat.
import { expect, test } from "vitest";
import {
  AccessDeniedError,
  InvalidRangeError,
  ObjectExistsError,
  ObjectNotFoundError,
  StorageUnavailableError,
} from "../../../src/storage/errors.ts";

const FACTS = { storage: "s3://bucket", key: "a/b" };

test.each([
  [ObjectNotFoundError, "object-not-found", false],
  [ObjectExistsError, "object-exists", false],
  [InvalidRangeError, "storage", false],
  [AccessDeniedError, "access-denied", false],
  [StorageUnavailableError, "storage", true],
] as const)("%o", (Type, code, isTransient) => {
  const error = new Type({ ...FACTS, detail: "why" });
  expect(error).toMatchObject({ code, isTransient, ...FACTS });
  expect(error.message).toMatch(/^s3:\/\/bucket\/a\/b: .+: why$/);
  expect(error.name).toBe(Type.name);
});

test("an error of the storage as a whole names only the storage", () => {
  const error = new StorageUnavailableError({ storage: "s3://bucket", isTransient: false });
  expect(error.message).toBe("s3://bucket: storage failed");
  expect(error).toMatchObject({ isTransient: false, isThrottled: false, key: undefined });
});
