// An invalid journal file is named, and the code stays below those that stop a server.
import { expect, test } from "vitest";
import { ERROR_TABLE } from "../../../src/base/errors.ts";
import { InvalidJournalError } from "../../../src/wal/errors.ts";

test("names the file and keeps the hint", () => {
  const error = new InvalidJournalError("0001", "is empty", "Look.");
  expect(error).toMatchObject({ journal: "0001", message: "0001: is empty", hint: "Look." });
  expect(ERROR_TABLE[error.code].exitCode).toBeLessThan(126);
});
