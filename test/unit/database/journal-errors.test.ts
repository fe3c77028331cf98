// The errors of journal files carry the codes and texts that scripts and servers go by.
import { expect, test } from "vitest";
import { ERROR_TABLE, type ToolError } from "../../../src/base/errors.ts";
import {
  AmbiguousJournalError,
  JournalConflictError,
  JournalHoleError,
  JournalNotFoundError,
} from "../../../src/database/journal-errors.ts";

test.each<[ToolError, number, string]>([
  [new JournalNotFoundError("A"), 74, "Archive 'A' does not exist."],
  [new JournalConflictError("p/A", "wal_005/A"), 23, "WAL file 'p/A' already archived, contents"],
  [new JournalHoleError("A", "B is stored"), 43, "A is missing in the archive: B is stored"],
  [new AmbiguousJournalError("A", ["A.lz4", "A"]), 23, "different contents: A.lz4, A"],
])("%s", (error, exitCode, text) => {
  expect(ERROR_TABLE[error.code].exitCode).toBe(exitCode);
  expect(error.message).toContain(text);
  expect(error.isTransient).toBe(false);
});
