import { ToolError, UsageError } from "../../base/errors.ts";
import { isJsonObject, type JsonValue } from "../../base/json.ts";
import { relationFileOf } from "../../delta/relation-file.ts";

/** Objects below are the server's own; they are in every cluster (transam.h). */
const FIRST_NORMAL_OID = 16_384;

const DATABASE_MAP = /^(?:base|pg_tblspc\/\d+\/PG_[^/]+)\/(\d+)\/pg_filenode\.map$/;

/** The backup does not hold the names that a partial restore goes by. */
export class NamesMissingError extends ToolError {
  constructor(backup: string, detail: string) {
    super({
      code: "backup-not-found",
      message: `backup ${backup}: ${detail}`,
      hint: "Names are recorded by backups of a directory, without --without-files-metadata.",
    });
  }
}

/** `db`, `db/table`, `db/schema.table`, `db/schema/table`, each with `*`. */
interface Pattern {
  readonly text: string;
  readonly database: RegExp;
  /** undefined: the whole database. */
  readonly table: RegExp | undefined;
}

/**
 * Which files of a cluster `--restore-only` asks for. Always: what belongs to no database, the
 * databases that every cluster has, and the catalogs of every database, without which the server
 * could not even drop it. As WAL-G counts; it goes by the numbers of files alone.
 */
export class RestoreSelection {
  readonly #patterns: readonly Pattern[];
  readonly #matched = new Set<Pattern>();
  readonly #whole = new Set<number>();
  /** Databases of which tables are restored. */
  readonly #named = new Set<number>();
  /** By database, where not all is restored: the numbers of the files that are. */
  readonly #relations = new Map<number, ReadonlySet<number>>();
  readonly #leftOut: string[] = [];
  #databaseCount = 0;

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(parsePattern);
  }

  /** A member of `DatabasesByNames`. */
  addDatabase(name: string, value: JsonValue): void {
    const oid = numberIn(value, "oid");
    if (oid === undefined) return;
    this.#databaseCount += 1;
    const tables = tablesOf(value);
    const chosen = new Set<number>();
    let isChosen = false;
    for (const pattern of this.#patterns.filter(({ database }) => database.test(name))) {
      if (pattern.table === undefined) {
        this.#matched.add(pattern);
        this.#whole.add(oid);
      } else if (addTables(tables, pattern.table, chosen)) {
        this.#matched.add(pattern);
        isChosen = true;
      }
    }
    if (this.#whole.has(oid) || oid < FIRST_NORMAL_OID) return;
    if (!isChosen) this.#leftOut.push(name);
    // Catalogs that were rewritten have files with high numbers.
    for (const table of tables.values()) {
      if (table.oid < FIRST_NORMAL_OID) chosen.add(table.relfilenode);
    }
    if (isChosen) this.#named.add(oid);
    this.#relations.set(oid, chosen);
  }

  /** After the last database: every pattern must have meant something. */
  check(backup: string): void {
    if (this.#databaseCount === 0) {
      throw new NamesMissingError(backup, "it holds no names of databases and tables");
    }
    const idle = this.#patterns.filter((pattern) => !this.#matched.has(pattern));
    if (idle.length === 0) return;
    throw new UsageError(
      `--restore-only ${idle.map(({ text }) => text).join(", ")}: ${backup} holds no such ` +
        "database or table",
      "Names are case-sensitive and without quotes; a table without a schema is in public.",
    );
  }

  /** Databases that can be named and are left out. */
  get leftOut(): readonly string[] {
    return this.#leftOut;
  }

  /** `path` is below the data directory. */
  isChosen(path: string): boolean {
    const map = DATABASE_MAP.exec(path);
    if (map !== null) return !this.#isLeftOut(Number(map[1]));
    const file = relationFileOf(path);
    if (file === undefined || file.database < FIRST_NORMAL_OID) return true;
    const { database, relation, fork } = file;
    // The empty state of an unlogged relation, from which recovery makes its content.
    if (relation < FIRST_NORMAL_OID || fork === "init" || this.#whole.has(database)) return true;
    return this.#relations.get(database)?.has(relation) === true;
  }

  #isLeftOut(database: number): boolean {
    if (database < FIRST_NORMAL_OID) return false;
    return !this.#whole.has(database) && !this.#named.has(database);
  }
}

function parsePattern(text: string): Pattern {
  const parts = text.split("/");
  const [database = "", second, third] = parts;
  if (parts.length > 3 || parts.some((part) => part === "")) {
    throw new UsageError(
      `--restore-only ${JSON.stringify(text)} names no database or table`,
      "Write db, db/table, db/schema.table or db/schema/table; * stands for anything.",
    );
  }
  let table: string | undefined;
  if (third !== undefined) table = `${second}.${third}`;
  else if (second !== undefined) table = second.includes(".") ? second : `public.${second}`;
  const isAll = second === "*" && (third === undefined || third === "*");
  return {
    text,
    database: wildcards(database),
    table: table === undefined || isAll ? undefined : wildcards(table),
  };
}

function wildcards(pattern: string): RegExp {
  const source = pattern.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${source.join(".*")}$`, "su");
}

interface NamedTable {
  readonly oid: number;
  readonly relfilenode: number;
  readonly subtables: ReadonlyMap<string, NamedTable>;
}

function tablesOf(value: JsonValue | undefined, key = "tables_new"): Map<string, NamedTable> {
  const tables = new Map<string, NamedTable>();
  const members = isJsonObject(value) ? value[key] : undefined;
  if (!isJsonObject(members)) return tables;
  for (const [name, facts] of Object.entries(members)) {
    const oid = numberIn(facts, "oid");
    const relfilenode = numberIn(facts, "relfilenode");
    if (oid === undefined || relfilenode === undefined) continue;
    tables.set(name, { oid, relfilenode, subtables: tablesOf(facts, "subtables") });
  }
  return tables;
}

/** Adds what belongs to the matching tables: children, and where their large values are. */
function addTables(
  tables: ReadonlyMap<string, NamedTable>,
  pattern: RegExp,
  chosen: Set<number>,
): boolean {
  let isMatched = false;
  const add = (table: NamedTable) => {
    chosen.add(table.relfilenode);
    for (const suffix of ["", "_index"]) {
      const toast = tables.get(`pg_toast.pg_toast_${table.oid}${suffix}`);
      if (toast !== undefined) chosen.add(toast.relfilenode);
    }
    for (const child of table.subtables.values()) add(child);
  };
  for (const [name, table] of tables) {
    // A partition or child can be asked for by itself.
    for (const [childName, child] of table.subtables) {
      if (!pattern.test(childName)) continue;
      add(child);
      isMatched = true;
    }
    if (!pattern.test(name)) continue;
    add(table);
    isMatched = true;
  }
  return isMatched;
}

function numberIn(value: JsonValue | undefined, key: string): number | undefined {
  const found = isJsonObject(value) ? value[key] : undefined;
  const number = typeof found === "bigint" ? Number(found) : found;
  return typeof number === "number" && Number.isSafeInteger(number) ? number : undefined;
}
