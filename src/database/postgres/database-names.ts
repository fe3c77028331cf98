import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import type { FilesMetadataWriter } from "./files-metadata-writer.ts";
import { type Relation, RelationNames } from "./relation-names.ts";
import type { PostgresSession } from "./session.ts";
import { WireConnection } from "./wire/connection.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface NamesRequest {
  /** The backup's own session: it knows which databases there are. */
  readonly server: Pick<PostgresSession, "query">;
  readonly connection: ConnectionSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Somebody may hold a lock on a catalog: the backup does not wait longer for one database. */
const DATABASE_LIMIT_MS = 5 * 60_000;

/** The owner of a database chooses its search path: no function or operator may come from it. */
const SAFE_SESSION =
  "SET search_path = pg_catalog; SET statement_timeout = 0; SET lock_timeout = 0";

/**
 * Views and composite types never have a file. Of a catalog that the server finds by its map,
 * `relfilenode` is 0, the function tells the real number.
 */
const RELATIONS = `
  SELECT c.oid, n.nspname, c.relname, c.relkind,
    pg_catalog.pg_relation_filenode(c.oid), c.relhassubclass,
    (SELECT pg_catalog.string_agg(i.inhparent::pg_catalog.text, ' ')
     FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind NOT IN ('v', 'c')
  ORDER BY c.oid`;

/**
 * Writes down which file belongs to which table of which database. A database that cannot be
 * asked is left out with a warning: the backup itself is none the worse for it.
 */
export async function collectDatabaseNames(
  request: NamesRequest,
  writer: Pick<FilesMetadataWriter, "addDatabase">,
): Promise<void> {
  const { log } = request;
  for (const [oid, name] of await databasesOf(request)) {
    if (typeof name !== "string") throw new DatabaseError("the server gave no database name");
    if (name.includes("\ufffd")) {
      log.warning(`${leftOut(name)}: its name is not UTF-8`);
      continue;
    }
    const names = await namesOf(name, request);
    if (names === undefined) continue;
    for (const clash of names.clashes) {
      log.warning(
        `database ${JSON.stringify(name)}: several relations are ${JSON.stringify(clash)} ` +
          "in the names for partial restores, only the oldest is recorded",
      );
    }
    writer.addDatabase(name, { oid: toOid(oid), tables: names.tables });
  }
}

/** None, and a warning, when the server does not tell. */
async function databasesOf({ server, log, signal }: NamesRequest) {
  try {
    return await server.query(
      "SELECT oid, datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY oid",
      signal,
    );
  } catch (error) {
    if (signal.aborted || !(error instanceof DatabaseError)) throw error;
    log.warning(`the backup holds no names for partial restores: ${messageOf(error)}`);
    return [];
  }
}

/** undefined, and a warning, when the database does not tell. */
async function namesOf(database: string, request: NamesRequest) {
  const { clock, log } = request;
  const limit = new AbortController();
  const isOver = new AbortController();
  clock.sleep(DATABASE_LIMIT_MS, isOver.signal).then(
    () => limit.abort(new DatabaseError(`no answer within ${DATABASE_LIMIT_MS / 1000} s`)),
    () => {},
  );
  try {
    const signal = AbortSignal.any([request.signal, limit.signal]);
    return await readNames({ ...request.connection, database }, signal);
  } catch (error) {
    if (request.signal.aborted || !(error instanceof DatabaseError)) throw error;
    log.warning(`${leftOut(database)}: ${messageOf(error)}`);
    return undefined;
  } finally {
    isOver.abort();
  }
}

async function readNames(connection: ConnectionSettings, signal: AbortSignal) {
  await using session = await WireConnection.open(connection, { signal });
  await session.query(SAFE_SESSION, { signal });
  // Such a database may hold names that are not UTF-8: the server would refuse all for one.
  if (session.parameter("server_encoding") === "SQL_ASCII") {
    await session.query("SET client_encoding = 'SQL_ASCII'", { signal });
  }
  const names = new RelationNames();
  for await (const event of session.command(RELATIONS, { signal })) {
    if (event.kind === "row") names.add(decodeRelation(event.values));
  }
  return names.finish();
}

/** A row of the query for relations. */
export function decodeRelation(row: readonly (string | null)[]): Relation {
  const [oid, schema, name, kind, filenode, hasSubclass, parents] = row;
  if (typeof schema !== "string" || typeof name !== "string" || row.length !== 7) {
    throw new DatabaseError("the server gave no name of a relation");
  }
  // A partitioned table has no file: it stands for its partitions.
  const withoutFile = kind === "p" ? 0 : undefined;
  return {
    oid: toOid(oid),
    name: `${schema}.${name}`,
    relfilenode: typeof filenode === "string" ? toOid(filenode) : withoutFile,
    parents: typeof parents === "string" ? parents.split(" ").map(toOid) : [],
    mayHaveChildren: hasSubclass === "t",
  };
}

function toOid(text: string | null | undefined): number {
  if (typeof text === "string" && /^\d{1,10}$/.test(text)) return Number(text);
  throw new DatabaseError(`not an OID: ${JSON.stringify(text)}`);
}

function leftOut(database: string): string {
  return `database ${JSON.stringify(database)} is left out of the names for partial restores`;
}
