import { BUILD_INFO } from "../base/build-info.ts";
import type { DatabaseKind } from "../base/database-kind.ts";
import type { CalledAs } from "./called-as.ts";

/** What WAL-G's builds print: name of the tree, and the database as the last field. */
const WALG_TREES: Readonly<Record<DatabaseKind, { name: string; title: string }>> = {
  postgres: { name: "wal-g", title: "PostgreSQL" },
  mysql: { name: "mysql", title: "MySQL" },
  redis: { name: "redis", title: "Redis" },
};

/** `<name> version <version>\t<revision>\t<date>\t<database>`, as packaging checks grep it. */
export function versionText(called: CalledAs, database: DatabaseKind): string {
  const tree = WALG_TREES[database];
  const name = called.isWalg ? tree.name : "tidemark";
  const { version, revision, date } = BUILD_INFO;
  return `${name} version ${version}\t${revision}\t${date}\t${tree.title}\n`;
}
