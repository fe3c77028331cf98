import type { Statement, StatementSource } from "./workload-statements.ts";

/** The databases that a session believes to have made, and those it has dropped. */
export interface DatabaseModel {
  readonly names: string[];
}

const DATABASES_MAX = 2;
/** Databases are made again with the OIDs of those that were dropped: their files' names too. */
const FIRST_OID = 70_001;

/** CREATE, DROP and ALTER DATABASE, and work inside of them. */
export function databaseStatement(source: StatementSource, model: DatabaseModel): Statement {
  const { random } = source;
  const { names } = model;
  const name = names[random.below(Math.max(1, names.length))];
  const kind = random.below(8);
  if (name === undefined || (kind < 2 && names.length < DATABASES_MAX))
    return create(source, model);
  if (kind < 4) {
    names.splice(names.indexOf(name), 1);
    return { sql: `DROP DATABASE IF EXISTS ${name}` };
  }
  if (kind === 4) {
    const tablespace = random.pick(["ts1", "ts2", "pg_default"]);
    // Replayed as a copy of the old directory, which the backup may have missed: it is dropped.
    const sql = `ALTER DATABASE ${name} SET TABLESPACE ${tablespace}`;
    return { sql, breaksBackups: true };
  }
  const sql = random.pick([
    "CREATE TABLE IF NOT EXISTS inner_table AS SELECT i AS id, md5(i::text) AS v " +
      "FROM generate_series(1, 900) i",
    "UPDATE inner_table SET v = md5(v) WHERE id % 3 = 0",
    "DROP TABLE IF EXISTS inner_table",
    "VACUUM inner_table",
    "TRUNCATE inner_table",
  ]);
  return { sql, database: name };
}

function create({ random, version }: StatementSource, model: DatabaseModel): Statement {
  const free = Array.from({ length: DATABASES_MAX }, (_, index) => index).find(
    (index) => !model.names.includes(nameOf(index)),
  );
  const index = free ?? 0;
  const name = nameOf(index);
  if (!model.names.includes(name)) model.names.push(name);
  const template = random.pick(["template1", "model_db"]);
  const options = [`TEMPLATE ${template}`];
  if (Number(version) >= 15) {
    options.push(`STRATEGY ${random.pick(["wal_log", "file_copy"])}`);
    if (random.below(3) > 0) options.push(`OID ${FIRST_OID + index}`);
  }
  if (random.below(4) === 0) options.push("TABLESPACE ts1");
  return { sql: `CREATE DATABASE ${name} ${options.join(" ")}` };
}

function nameOf(index: number): string {
  return `made_db${index}`;
}
