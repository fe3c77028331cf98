import type { DatabaseKind } from "../base/database-kind.ts";

/** What the name by which the program was started says. */
export interface CalledAs {
  readonly programName: string;
  readonly isWalg: boolean;
  readonly database: DatabaseKind | undefined;
}

/** How a user writes a database in a name or as the first word: `wal-g-pg`, `tidemark mysql …`. */
export const DATABASE_WORDS: Readonly<Record<string, DatabaseKind>> = {
  pg: "postgres",
  mysql: "mysql",
  redis: "redis",
};

/** The runtime keeps the name of the call in `argv0`, links not followed. */
export function calledAs(argv0: string): CalledAs {
  const programName = argv0.slice(argv0.lastIndexOf("/") + 1);
  const match = /^wal-g(?:-(pg|mysql|redis))?$/.exec(programName);
  if (match !== null) {
    return { programName, isWalg: true, database: DATABASE_WORDS[match[1] ?? ""] };
  }
  return { programName: "tidemark", isWalg: false, database: undefined };
}
