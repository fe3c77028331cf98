// Proves that a name finds its command, and that an unknown or planned one is an error that helps.
import { expect, test } from "vitest";
import { plainWords } from "../../../src/cli/command-line.ts";
import { commandWords, selectCommand } from "../../../src/cli/selection.ts";
import { COMMANDS } from "../../../src/command/all.ts";

test("finds every command in each of its trees", () => {
  for (const command of COMMANDS) {
    for (const database of command.databases) {
      expect(selectCommand(command.name, database, "tidemark")).toBe(command);
    }
  }
});

test("refuses an unknown command and names the nearest", () => {
  expect(() => selectCommand("wal-psh", "postgres", "wal-g")).toThrow(
    expect.objectContaining({
      message: 'unknown command "wal-psh" for "wal-g"',
      hint: "Did you mean wal-push?",
      code: "usage",
    }),
  );
  expect(() => selectCommand("x", "postgres", "tidemark")).toThrow('unknown command "x"');
  expect(() => selectCommand("", "postgres", "tidemark")).toThrow('unknown command ""');
  expect(() => selectCommand("10", "postgres", "tidemark")).toThrow('unknown command "10"');
});

test("says of a planned command that it is not there yet", () => {
  expect(() => selectCommand("binlog-push", "mysql", "tidemark")).toThrow(
    "binlog-push is not part of this version",
  );
  expect(() => selectCommand("backup-push", "redis", "tidemark")).toThrow("not part of this");
});

test("names group and word of an unknown command of a group, and knows the planned ones", () => {
  const { name, isGroup } = commandWords(plainWords(["st", "lss", "x"]));
  expect({ name, isGroup }).toEqual({ name: "st lss", isGroup: false });
  expect(() => selectCommand(name, "mysql", "wal-g")).toThrow(
    expect.objectContaining({
      message: 'unknown command "lss" for "wal-g st"',
      hint: "Did you mean st ls?",
    }),
  );
  expect(() => selectCommand("st check raed", "redis", "tidemark")).toThrow(
    'unknown command "raed" for "tidemark st check"',
  );
  expect(() => selectCommand("copy", "redis", "wal-g")).toThrow("not part of this");
});

test("finds commands of groups, and groups", () => {
  const words = (line: string) => commandWords(plainWords(line.split(" ")));
  expect(words("st -t all check read a b").name).toBe("st check read");
  expect(words("st check")).toMatchObject({ name: "st check", isGroup: true });
  expect(words("st")).toMatchObject({ name: "st", isGroup: true });
});

test("keeps the trees apart", () => {
  expect(() => selectCommand("wal-push", "mysql", "tidemark")).toThrow("unknown command");
});

test("takes the first word for the command, and no word for the bare program", () => {
  const words = ["--config", "/c", "wal-push", "/x"];
  const found = commandWords(plainWords(words));
  expect(found).toEqual({ name: "wal-push", isGroup: false, indexes: new Set([2]) });
  expect(commandWords([])).toEqual({ name: "", isGroup: true, indexes: new Set() });
});
