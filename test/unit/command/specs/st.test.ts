// Proves that the storage tools take WAL-G's flags, short forms included, and its words.
import { expect, test } from "vitest";
import { checkArguments } from "../../../../src/cli/arguments.ts";
import { optionsWithGlobals } from "../../../../src/cli/command-line.ts";
import { parseFlags } from "../../../../src/cli/flags.ts";
import { COMMANDS } from "../../../../src/command/all.ts";

test.each([
  ["st ls", ""],
  ["st ls", "-r -g wal_005/* -t default"],
  ["st ls", "--recursive --glob --target=all /"],
  ["st stat", "top -t all"],
  ["st cat", "--decrypt --decompress x.lz4 -g"],
  ["st get", "--no-decrypt --no-decompress x /tmp"],
  ["st put", "--no-encrypt --no-compress --force a b"],
  ["st put", "-f -s b"],
  ["st put", "--read-stdin b --target default"],
  ["st rm", "-g wal_005/*"],
  ["st check read", ""],
  ["st check read", "a b c d -t all"],
  ["st check write", "--target=all"],
])("%s takes %j in every tree", (name, line) => {
  const spec = COMMANDS.find((command) => command.name === name);
  if (spec === undefined) throw new Error(`${name} is missing`);
  const words = line.split(" ").filter((word) => word !== "");
  const parsed = parseFlags(words, optionsWithGlobals(spec.options));
  expect(() => checkArguments(spec, parsed, "wal-g")).not.toThrow();
  expect(parsed.settings).toEqual([]);
  expect(spec.databases).toEqual(["postgres", "mysql", "redis"]);
});

test.each([
  ["st rm", "--all-versions x", "unknown flag: --all-versions"],
  ["st put", "-g a b", "unknown shorthand flag: 'g'"],
  ["st stat", "-g a", "unknown shorthand flag: 'g'"],
])("%s refuses %j instead of leaving it out", (name, line, message) => {
  const options = COMMANDS.find((command) => command.name === name)?.options ?? [];
  expect(() => parseFlags(line.split(" "), optionsWithGlobals(options))).toThrow(message);
});
