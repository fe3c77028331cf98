// Proves the number of arguments and required options, in cobra's words.
import { expect, test } from "vitest";
import { checkArguments } from "../../../src/cli/arguments.ts";
import { parseFlags } from "../../../src/cli/flags.ts";
import type { CommandSpec, OptionSpec } from "../../../src/command/command.ts";

function command(required: number, optional: number, options: OptionSpec[] = []): CommandSpec {
  const names = (count: number, isRequired: boolean) =>
    Array.from({ length: count }, (_, index) => ({ name: `a${index}`, required: isRequired }));
  return {
    name: "do",
    databases: ["postgres"],
    summary: "",
    arguments: [...names(required, true), ...names(optional, false)],
    options,
  };
}

const check = (spec: CommandSpec, ...words: string[]) =>
  checkArguments(spec, parseFlags(words, spec.options), "wal-g");

test.each([
  [1, 0, [], "accepts 1 arg(s), received 0"],
  [2, 0, ["x"], "accepts 2 arg(s), received 1"],
  [1, 1, ["x", "y", "z"], "accepts between 1 and 2 arg(s), received 3"],
  [0, 1, ["x", "y"], "accepts at most 1 arg(s), received 2"],
  [0, 0, ["x"], 'unknown command "x" for "wal-g do"'],
])("with %i required and %i optional refuses %j", (required, optional, words, message) => {
  expect(() => check(command(required, optional), ...words)).toThrow(message);
});

test.each([
  [0, 0, []],
  [1, 1, ["x"]],
  [1, 1, ["x", "y"]],
  [0, 1, []],
])("with %i required and %i optional accepts %j", (required, optional, words) => {
  expect(() => check(command(required, optional), ...words)).not.toThrow();
});

test("names every required option that is missing", () => {
  const option = (name: string): OptionSpec => ({
    name,
    kind: "text",
    summary: "",
    isRequired: true,
  });
  const spec = command(0, 0, [option("from"), option("to")]);
  expect(() => check(spec)).toThrow('required flag(s) "from", "to" not set');
  expect(() => check(spec, "--to", "x")).toThrow('required flag(s) "from" not set');
  expect(() => check(spec, "--to", "x", "--from=y")).not.toThrow();
});

test("takes any number of an argument that may be repeated", () => {
  const spec = command(1, 0);
  const open = { ...spec, arguments: [{ name: "object", required: true, isRepeated: true }] };
  expect(() => check(open, "a", "b", "c")).not.toThrow();
  expect(() => check(open)).toThrow("requires at least 1 arg(s), only received 0");
});
