// Proves the version line: four fields split by tabs, named after the tree as WAL-G's builds do.
import { expect, test } from "vitest";
import { calledAs } from "../../../src/cli/called-as.ts";
import { versionText } from "../../../src/cli/version.ts";

test.each([
  ["wal-g", "postgres", "wal-g version", "PostgreSQL"],
  ["wal-g-mysql", "mysql", "mysql version", "MySQL"],
  ["wal-g-redis", "redis", "redis version", "Redis"],
  ["tidemark", "postgres", "tidemark version", "PostgreSQL"],
] as const)("called as %s", (name, database, start, end) => {
  const text = versionText(calledAs(name), database);
  expect(text.startsWith(`${start} `)).toBe(true);
  expect(text.endsWith(`\t${end}\n`)).toBe(true);
  expect(text.split("\t")).toHaveLength(4);
});
