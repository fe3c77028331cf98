// Proves what the name of the call decides.
import { expect, test } from "vitest";
import { calledAs } from "../../../src/cli/called-as.ts";

test.each([
  ["tidemark", "tidemark", false, undefined],
  ["/usr/bin/tidemark", "tidemark", false, undefined],
  ["./renamed", "tidemark", false, undefined],
  ["wal-g", "wal-g", true, undefined],
  ["/usr/local/bin/wal-g", "wal-g", true, undefined],
  ["wal-g-pg", "wal-g-pg", true, "postgres"],
  ["./wal-g-mysql", "wal-g-mysql", true, "mysql"],
  ["/opt/wal-g-redis", "wal-g-redis", true, "redis"],
  ["wal-g-mongo", "tidemark", false, undefined],
  ["not-wal-g", "tidemark", false, undefined],
  ["", "tidemark", false, undefined],
])("called as %j", (argv0, programName, isWalg, database) => {
  expect(calledAs(argv0)).toEqual({ programName, isWalg, database });
});
