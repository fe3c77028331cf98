import type { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import type { RelationFacts, RelationMap } from "./page-truth.ts";
import type { PageKind } from "./page-truth-mask.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";

/** `database.table` → count and hash of its rows; of a sequence, the number it has come to. */
export type TableContent = ReadonlyMap<string, string>;

const RELATIONS = `
  SELECT pg_relation_filepath(c.oid), c.relname, c.relkind, am.amname, c.relpersistence
  FROM pg_class c LEFT JOIN pg_am am ON am.oid = c.relam
  WHERE c.relkind IN ('r', 'i', 't', 'm', 'S') AND c.relpersistence <> 't'
    AND pg_relation_filepath(c.oid) IS NOT NULL`;
const TABLES = `
  SELECT c.relname, c.relkind FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm', 'S')
    AND c.relpersistence = 'p' ORDER BY c.relname`;
const INDEX_KINDS = ["btree", "hash", "gin", "gist", "spgist", "brin"] as const;

/** What each file is, over all databases that take connections. */
export async function relationsOf(cluster: PostgresCluster): Promise<RelationMap> {
  const map = new Map<string, RelationFacts>();
  await inEach(cluster, async (connection, database) => {
    for (const [path, name, kind, method, persistence] of await rowsOf(connection, RELATIONS)) {
      if (path === null || path === undefined) continue;
      const facts = { kind: kindOf(kind, method), isLogged: persistence === "p" };
      map.set(path, { name: `${database}.${name}`, ...facts });
    }
  });
  return map;
}

/** What the logged tables and sequences of users hold. */
export async function contentOf(cluster: PostgresCluster): Promise<TableContent> {
  const content = new Map<string, string>();
  await inEach(cluster, async (connection, database) => {
    for (const [name, kind] of await rowsOf(connection, TABLES)) {
      const sql =
        kind === "S"
          ? `SELECT format('sequence %s %s', last_value, log_cnt) FROM ${name}`
          : `SELECT count(*) || ' ' || coalesce(sum(hashtext(t::text)::bigint), 0) FROM ${name} t`;
      const [row] = await rowsOf(connection, sql);
      content.set(`${database}.${name}`, row?.[0] ?? "");
    }
  });
  return content;
}

async function inEach(
  cluster: PostgresCluster,
  work: (connection: WireConnection, database: string) => Promise<void>,
): Promise<void> {
  // A DROP DATABASE that was interrupted leaves a limit of -2: nobody can connect.
  const names = await cluster.query(
    "SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2",
  );
  for (const [database] of names) {
    if (database === null || database === undefined) continue;
    await using connection = await cluster.connect({ database });
    await work(connection, database);
  }
}

async function rowsOf(connection: WireConnection, sql: string) {
  const { rows } = await connection.query(sql, { signal: AbortSignal.timeout(60_000) });
  return rows;
}

function kindOf(relkind: string | null | undefined, method: string | null | undefined): PageKind {
  if (relkind === "S") return "sequence";
  if (relkind !== "i") return "heap";
  const kind = INDEX_KINDS.find((name) => name === method);
  if (kind === undefined) throw new Error(`access method ${method} has no mask`);
  return kind;
}
