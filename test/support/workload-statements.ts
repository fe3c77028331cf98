import type { PostgresVersion } from "./postgres-install.ts";
import type { Random } from "./random.ts";
import { type DatabaseModel, databaseStatement } from "./workload-databases.ts";

/** One step of a session. */
export interface Statement {
  readonly sql: string;
  /** Default: the session's own connection, to `postgres`. */
  readonly database?: string;
  /** Replay cannot repeat it from a base backup that was taken meanwhile, whoever took it. */
  readonly breaksBackups?: boolean;
}

export interface StatementSource {
  readonly session: number;
  readonly version: PostgresVersion;
  readonly random: Random;
}

interface Table {
  readonly name: string;
  rows: number;
  indexes: string[];
}

const ACCESS_METHODS = ["btree", "hash", "gin", "gist", "brin", "spgist"] as const;
const TABLES_MAX = 6;
/** All sessions write to it. */
export const SHARED_TABLE = "shared";

/**
 * The endless sequence of a session's statements. It depends on nothing but the random source:
 * what became of a statement is not looked at, so the same seed gives the same sequence.
 */
export function* statementsOf(source: StatementSource): Generator<Statement, never, void> {
  const model = new SessionModel(source);
  for (;;) yield model.next();
}

/** What every cluster of the workload begins with. */
export const SETUP_SQL: readonly string[] = [
  `CREATE TABLE ${SHARED_TABLE} (id int, k int, v text, a int[], p point)`,
  `CREATE INDEX ON ${SHARED_TABLE} (k)`,
  `CREATE INDEX ON ${SHARED_TABLE} USING hash (id)`,
  `INSERT INTO ${SHARED_TABLE} ${rowsOf(0, 800, 3)}`,
  "CREATE SEQUENCE shared_sequence",
  "CREATE DATABASE model_db",
];

class SessionModel {
  readonly #source: StatementSource;
  readonly #random: Random;
  readonly #prefix: string;
  readonly #tables: Table[] = [];
  readonly #shared: Table = { name: SHARED_TABLE, rows: 800, indexes: [] };
  readonly #databases: DatabaseModel = { names: [] };
  #made = 0;
  readonly #prepared: string[] = [];

  constructor(source: StatementSource) {
    this.#source = source;
    this.#random = source.random;
    this.#prefix = `s${source.session}`;
  }

  next(): Statement {
    const random = this.#random;
    if (this.#tables.length === 0) return { sql: this.#create() };
    // Databases take seconds to copy where there are many: one session has them.
    if (this.#source.session === 0 && random.below(14) === 0) {
      return databaseStatement(this.#source, this.#databases);
    }
    const table = random.pick(this.#tables);
    const kind = random.below(100);
    if (kind < 40) return { sql: this.#rows(random.below(4) === 0 ? this.#shared : table) };
    if (kind < 50) return { sql: this.#read(table) };
    if (kind < 62) return { sql: this.#maintain(table) };
    if (kind < 74) return { sql: this.#alter(table) };
    if (kind < 84) return { sql: this.#transaction(table) };
    if (kind < 90) return { sql: this.#other() };
    return { sql: random.below(3) === 0 ? this.#drop(table) : this.#create() };
  }

  #create(): string {
    const random = this.#random;
    if (this.#tables.length >= TABLES_MAX) return this.#drop(random.pick(this.#tables));
    this.#made += 1;
    const name = `${this.#prefix}_t${this.#made}`;
    const table: Table = { name, rows: 50 + random.below(600), indexes: [] };
    this.#tables.push(table);
    const unlogged = random.below(6) === 0 ? "UNLOGGED " : "";
    const where = random.pick(["", "", " TABLESPACE ts1", " WITH (fillfactor = 60)"]);
    const rows = rowsOf(0, table.rows, 1 + random.below(6));
    if (random.below(3) === 0) return `CREATE ${unlogged}TABLE ${name}${where} AS ${rows}`;
    const columns = "(id int, k int, v text, a int[], p point)";
    return `CREATE ${unlogged}TABLE ${name} ${columns}${where}; INSERT INTO ${name} ${rows}`;
  }

  #drop(table: Table): string {
    this.#tables.splice(this.#tables.indexOf(table), 1);
    return `DROP TABLE IF EXISTS ${table.name} CASCADE`;
  }

  #rows(table: Table): string {
    const random = this.#random;
    const { name } = table;
    const modulus = 2 + random.below(9);
    const some = `id % ${modulus} = ${random.below(modulus)}`;
    switch (random.below(9)) {
      case 0:
      case 1: {
        const from = table.rows;
        const more = 10 + random.below(500);
        table.rows += more;
        return `INSERT INTO ${name} ${rowsOf(from, from + more, 1 + random.below(8))}`;
      }
      case 2: {
        // Too long for its page: goes to the toast table.
        const wide = "string_agg(md5((i * j)::text), '')";
        return `INSERT INTO ${name} (id, v) SELECT i, (SELECT ${wide}
          FROM generate_series(1, 200) j) FROM generate_series(1, ${1 + random.below(12)}) i`;
      }
      case 3:
        return `COPY ${name} (id) FROM PROGRAM 'seq 1 ${1 + random.below(700)}'`;
      case 4:
      case 5:
        return `UPDATE ${name} SET k = k + 1 WHERE ${some}`;
      case 6:
        return `UPDATE ${name} SET v = md5(v), p = point(p[1], p[0]) WHERE ${some}`;
      case 7:
        return `DELETE FROM ${name} WHERE ${some}`;
      default:
        // The end of the table becomes empty: a vacuum can cut it off.
        table.rows = Math.floor(table.rows / 2);
        return `DELETE FROM ${name} WHERE id >= ${table.rows}`;
    }
  }

  #read(table: Table): string {
    const from = this.#random.below(1000);
    return this.#random.pick([
      `SELECT count(*), sum(k) FROM ${table.name}`,
      `SET enable_seqscan = off; SELECT count(v) FROM ${table.name}
        WHERE k BETWEEN ${from} AND ${from + 200}; RESET enable_seqscan`,
      `SET enable_seqscan = off; SELECT count(*) FROM ${SHARED_TABLE} WHERE id = ${from};
        SELECT count(*) FROM ${SHARED_TABLE} WHERE k > ${from}; RESET enable_seqscan`,
    ]);
  }

  #maintain(table: Table): string {
    const { name } = table;
    return this.#random.pick([
      `VACUUM ${name}`,
      `VACUUM ${name}`,
      `VACUUM ${SHARED_TABLE}`,
      `VACUUM (FREEZE) ${name}`,
      `VACUUM (FULL) ${name}`,
      `VACUUM (ANALYZE) ${name}`,
      `REINDEX TABLE ${name}`,
      `TRUNCATE ${name}`,
      "VACUUM pg_class",
      "VACUUM (FULL) pg_attribute",
      `CREATE INDEX IF NOT EXISTS ${name}_order ON ${name} (k);
        CLUSTER ${name} USING ${name}_order`,
    ]);
  }

  #alter(table: Table): string {
    const random = this.#random;
    const { name } = table;
    const tablespace = random.pick(["ts1", "ts2", "pg_default"]);
    switch (random.below(10)) {
      case 0:
        return `ALTER TABLE ${name} SET TABLESPACE ${tablespace}`;
      case 1:
        return `ALTER INDEX ${random.pick([...table.indexes, `${name}_order`])}
          SET TABLESPACE ${tablespace}`;
      case 2:
        return `ALTER TABLE ${name} SET UNLOGGED`;
      case 3:
        return `ALTER TABLE ${name} SET LOGGED`;
      case 4:
        return `ALTER TABLE ${name} ALTER COLUMN k TYPE ${random.pick(["bigint", "int"])}`;
      case 5:
        return `ALTER TABLE ${name} ADD COLUMN IF NOT EXISTS c${random.below(3)} int DEFAULT 7`;
      case 6: {
        const index = table.indexes.shift();
        return index === undefined ? this.#createIndex(table) : `DROP INDEX IF EXISTS ${index}`;
      }
      default:
        return this.#createIndex(table);
    }
  }

  #createIndex(table: Table): string {
    const method = this.#random.pick(ACCESS_METHODS);
    const columns = { btree: "k", hash: "id", gin: "a", gist: "p", brin: "id", spgist: "p" };
    this.#made += 1;
    const index = `${table.name}_i${this.#made}`;
    table.indexes.push(index);
    const where = this.#random.pick(["", "", " TABLESPACE ts2"]);
    return `CREATE INDEX ${index} ON ${table.name} USING ${method} (${columns[method]})${where}`;
  }

  #transaction(table: Table): string {
    const random = this.#random;
    const { name } = table;
    const end = random.pick(["COMMIT", "ROLLBACK"]);
    const one = this.#rows(table);
    switch (random.below(6)) {
      case 0:
        return `BEGIN; ${one}; SAVEPOINT a; ${this.#rows(table)}; ROLLBACK TO a; ${one}; ${end}`;
      case 1:
        return `BEGIN; TRUNCATE ${name}; INSERT INTO ${name} ${rowsOf(0, 100, 2)}; ${end}`;
      case 2:
        return `BEGIN; TRUNCATE ${name};
          COPY ${name} (id) FROM PROGRAM 'seq 1 300' (FREEZE); ${end}`;
      case 3:
        return `BEGIN; DROP TABLE ${name}; CREATE TABLE ${name} AS ${rowsOf(0, 90, 3)}; ${end}`;
      default:
        return this.#twoPhase();
    }
  }

  /** Tables of their own: whoever waits for a prepared transaction waits for long. */
  #twoPhase(): string {
    const open = this.#prepared.shift();
    if (open !== undefined) {
      return `${this.#random.pick(["COMMIT", "ROLLBACK"])} PREPARED '${open}'`;
    }
    this.#made += 1;
    const name = `${this.#prefix}_p${this.#made}`;
    this.#prepared.push(name);
    return `BEGIN; CREATE TABLE ${name} AS ${rowsOf(0, 200, 2)}; INSERT INTO ${SHARED_TABLE}
      ${rowsOf(0, 20, 1)}; PREPARE TRANSACTION '${name}'`;
  }

  #other(): string {
    const random = this.#random;
    const prefix = this.#prefix;
    return random.pick([
      "CHECKPOINT",
      "SELECT pg_switch_wal()",
      `SELECT count(nextval('shared_sequence')) FROM generate_series(1, ${1 + random.below(80)})`,
      `CREATE SEQUENCE IF NOT EXISTS ${prefix}_seq;
        SELECT count(nextval('${prefix}_seq')) FROM generate_series(1, ${1 + random.below(80)})`,
      `SELECT setval('shared_sequence', ${1 + random.below(100_000)})`,
      `CREATE TEMP TABLE IF NOT EXISTS temporary AS ${rowsOf(0, 300, 2)}`,
      `SELECT lo_from_bytea(0, repeat('x', ${random.below(9000)})::bytea)`,
      "SELECT lo_unlink(min(oid)) FROM pg_largeobject_metadata HAVING min(oid) IS NOT NULL",
      `DROP MATERIALIZED VIEW IF EXISTS ${prefix}_view;
        CREATE MATERIALIZED VIEW ${prefix}_view AS SELECT id, v FROM ${SHARED_TABLE}`,
    ]);
  }
}

/** Rows with everything that the indexes want; `width` × 32 characters of text each. */
function rowsOf(from: number, to: number, width: number): string {
  return `SELECT i AS id, i * 7919 % 1000 AS k, repeat(md5(i::text), ${width}) AS v,
    ARRAY[i % 10, i % 7] AS a, point(i % 100, i / 100) AS p
    FROM generate_series(${from}, ${to}) i`;
}
