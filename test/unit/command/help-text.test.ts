// Proves the layout of help: of the program, of a group and of a command.
import { expect, test } from "vitest";
import type { CommandSpec } from "../../../src/command/command.ts";
import { commandHelp, groupHelp, usageLine } from "../../../src/command/help-text.ts";

const SPEC: CommandSpec = {
  name: "st cat",
  databases: ["postgres"],
  summary: "Print an object",
  arguments: [
    { name: "object", required: true },
    { name: "target", required: false },
  ],
  options: [
    { name: "decrypt", short: "d", kind: "flag", summary: "decrypt it" },
    { name: "only", kind: "list", summary: "parts" },
    { name: "secretly", kind: "flag", summary: "never shown", isHidden: true },
  ],
};
const OTHER: CommandSpec = { ...SPEC, name: "wal-push", summary: "Archive" };
const HIDDEN: CommandSpec = { ...SPEC, name: "wal-prefetch", isHidden: true };
const GLOBALS = [{ name: "config", kind: "text", summary: "file" }] as const;

test("shows usage, flags and globals of a command", () => {
  expect(usageLine("wal-g", SPEC)).toBe("wal-g st cat <object> [target] [flags]");
  expect(commandHelp("wal-g", SPEC, GLOBALS)).toBe(`Print an object

Usage:
  wal-g st cat <object> [target] [flags]

Flags:
  -d, --decrypt    decrypt it
      --only list  parts

Global flags:
      --config text  file

Each setting has a flag too (wal-g flags lists them); wal-g config shows what is in effect.
`);
});

test("lists what is not hidden, of all or of a group", () => {
  const commands = [SPEC, OTHER, HIDDEN];
  const all = groupHelp("wal-g", { commands, group: "" }, GLOBALS);
  expect(all).toContain("Usage:\n  wal-g <command> [flags]\n");
  expect(all).toContain("Commands:\n  st cat    Print an object\n  wal-push  Archive\n");
  const group = groupHelp("wal-g", { commands, group: "st" }, GLOBALS);
  expect(group).toContain("Usage:\n  wal-g st <command> [flags]\n");
  expect(group).toContain("Commands:\n  st cat  Print an object\n\n");
});
