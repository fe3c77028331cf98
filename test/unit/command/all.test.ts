// Proves that the list of commands is consistent: every one loads and runs, names and flags are
// unique, flags stand for settings that exist, and nothing is both there and planned.
import { expect, test } from "vitest";
import { COMMANDS } from "../../../src/command/all.ts";
import { GLOBAL_OPTIONS } from "../../../src/command/global-options.ts";
import { PLANNED_COMMANDS } from "../../../src/command/planned.ts";
import { settingOfKey } from "../../../src/config/table.ts";

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  "%s loads and describes itself",
  async (_name, command) => {
    expect((await command.load()).run).toBeTypeOf("function");
    expect(command.summary).not.toMatch(/\.$/);
    const names = command.options.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const letters = command.options.flatMap(({ short }) => short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
    const required = command.arguments.map((argument) => argument.required);
    expect(required).toEqual(required.toSorted((a, b) => Number(b) - Number(a)));
  },
);

test("flags that stand for settings name ones of the table, of a kind that fits", () => {
  for (const { name, setting, kind } of [
    ...COMMANDS.flatMap((c) => c.options),
    ...GLOBAL_OPTIONS,
  ]) {
    if (setting === undefined) continue;
    const row = settingOfKey(setting);
    expect(row?.key, name).toBe(setting);
    expect(kind === "flag", name).toBe(row?.kind === "flag");
  }
});

test("each tree has a command once, and none that is also planned for it", () => {
  for (const database of ["postgres", "mysql", "redis"] as const) {
    const names = COMMANDS.filter(({ databases }) => databases.includes(database)).map(
      ({ name }) => name,
    );
    expect(new Set(names).size).toBe(names.length);
    const planned = names.filter((name) => PLANNED_COMMANDS[name]?.includes(database));
    expect(planned).toEqual([]);
  }
});
