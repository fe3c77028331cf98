import type { DatabaseKind } from "../base/database-kind.ts";
import { UsageError } from "../base/errors.ts";
import { COMMANDS } from "../command/all.ts";
import { PLANNED_COMMANDS } from "../command/planned.ts";
import type { GivenValue } from "../config/sources.ts";

const ALL_DATABASES: readonly DatabaseKind[] = ["postgres", "mysql", "redis"];
const WORDS: Readonly<Record<DatabaseKind, string>> = {
  postgres: "pg",
  mysql: "mysql",
  redis: "redis",
};

/** The databases whose command tree has a command of this name. */
export function databasesWith(commandName: string): ReadonlySet<DatabaseKind> {
  const databases = new Set(PLANNED_COMMANDS[commandName] ?? []);
  for (const command of COMMANDS) {
    const isIt = command.name === commandName || command.name.startsWith(`${commandName} `);
    if (isIt) for (const database of command.databases) databases.add(database);
  }
  return databases;
}

export interface DatabaseQuestion {
  /** By the name of the program, by the first word, or by TIDEMARK_DATABASE. */
  readonly told: DatabaseKind | undefined;
  readonly commandName: string;
  /** Settings that belong to one database. */
  readonly configured: () => readonly GivenValue[];
}

/** The database when it is told, or when only one tree has the command; else undefined. */
export function databaseByCommand(
  question: Pick<DatabaseQuestion, "told" | "commandName">,
): DatabaseKind | undefined {
  if (question.told !== undefined) return question.told;
  const databases = databasesWith(question.commandName);
  return databases.size === 1 ? [...databases][0] : undefined;
}

/** Which database this run is for. Guessing between two configured ones would be a mistake. */
export function decideDatabase(question: DatabaseQuestion): DatabaseKind {
  const byCommand = databaseByCommand(question);
  if (byCommand !== undefined) return byCommand;
  const candidates = databasesWith(question.commandName);
  const names = new Map<DatabaseKind, string>();
  for (const { setting, name } of question.configured()) {
    const { database } = setting;
    if (database !== undefined && candidates.has(database) && !names.has(database)) {
      names.set(database, name);
    }
  }
  const isSameForAll = ALL_DATABASES.every((database) =>
    COMMANDS.some(
      (command) => command.name === question.commandName && command.databases.includes(database),
    ),
  );
  if (names.size > 1 && !isSameForAll) throw ambiguous(question.commandName, names);
  return [...names.keys()][0] ?? "postgres";
}

function ambiguous(commandName: string, names: ReadonlyMap<DatabaseKind, string>): UsageError {
  const first = [...names.keys()][0] ?? "postgres";
  return new UsageError(
    `${commandName} is ambiguous: ${[...names.values()].join(" and ")} are settings of ` +
      "different databases",
    `Name the database: ${WORDS[first]} ${commandName}, or TIDEMARK_DATABASE=${first}.`,
  );
}
