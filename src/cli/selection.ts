import { cac } from "cac";
import type { DatabaseKind } from "../base/database-kind.ts";
import { UsageError } from "../base/errors.ts";
import { COMMANDS } from "../command/all.ts";
import type { Command } from "../command/command.ts";
import { PLANNED_COMMANDS } from "../command/planned.ts";
import { nearestName } from "../config/nearest-name.ts";
import type { PlainWord } from "./command-line.ts";

/** What the plain words name: a command, a group of commands, or nothing (the bare program). */
export interface CommandWords {
  /** The longest run of words that is a command or a group; empty for the bare program. */
  readonly name: string;
  readonly isGroup: boolean;
  /** Places of these words among all words. */
  readonly indexes: ReadonlySet<number>;
}

/** Finds the command or group that the words begin with, in any database's tree. */
export function commandWords(plain: readonly PlainWord[]): CommandWords {
  const first = plain[0];
  if (first === undefined) return { name: "", isGroup: true, indexes: new Set() };
  let name = first.text;
  let used = 1;
  while (isGroup(name) && plain[used] !== undefined) {
    name = `${name} ${plain[used]?.text}`;
    used++;
  }
  const indexes = new Set(plain.slice(0, used).map(({ index }) => index));
  return { name, isGroup: isGroup(name), indexes };
}

function isGroup(name: string): boolean {
  return COMMANDS.some((command) => command.name.startsWith(`${name} `));
}

/** The command of that name in the tree of a database, or an error that helps. */
export function selectCommand(name: string, database: DatabaseKind, programName: string): Command {
  const tree = COMMANDS.filter(({ databases }) => databases.includes(database));
  const program = cac(programName);
  let selected: Command | undefined;
  for (const command of tree) {
    program.command(command.name, command.summary).action(() => {
      selected = command;
    });
  }
  // Only the name: cac would turn the values of options into numbers.
  program.parse(["", programName, name], { run: false });
  program.runMatchedCommand();
  if (selected !== undefined) return selected;
  throw unknownCommand(name, database, tree, programName);
}

function unknownCommand(
  name: string,
  database: DatabaseKind,
  tree: readonly Command[],
  programName: string,
): UsageError {
  const planned = Object.entries(PLANNED_COMMANDS)
    .filter(([, databases]) => databases.includes(database))
    .map(([plannedName]) => plannedName);
  if (planned.includes(name)) {
    return new UsageError(
      `${name} is not part of this version`,
      `Run ${programName} help for what is there for ${database}.`,
    );
  }
  const nearest = nearestName(name, [...tree.map((command) => command.name), ...planned]);
  const words = name.split(" ");
  const group = [programName, ...words.slice(0, -1)].join(" ");
  return new UsageError(
    `unknown command ${JSON.stringify(words.at(-1))} for ${JSON.stringify(group)}`,
    nearest === undefined ? `Run ${group} --help for the commands.` : `Did you mean ${nearest}?`,
  );
}
