import { CorruptObjectError, UsageError } from "../../base/errors.ts";
import { type JsonObject, parseJsonObject, sortKeys } from "../../base/json.ts";
import { JsonDocument } from "../../base/json-document.ts";

/**
 * Where tablespaces lie: `Spec` of the sentinel, and the file that `--restore-spec` reads.
 *
 *   { "base_prefix": "/var/lib/pg/data",
 *     "tablespaces": ["16400"],
 *     "16400": { "loc": "/mnt/ts1", "link": "pg_tblspc/16400" } }
 */
export interface TablespaceSpec {
  /** The data directory, without a trailing slash. */
  readonly basePrefix: string;
  readonly tablespaces: readonly Tablespace[];
}

export interface Tablespace {
  /** Name of the symbolic link in `pg_tblspc`: the tablespace's OID. */
  readonly name: string;
  /** Where the link points, without a trailing slash. */
  readonly location: string;
  /** `pg_tblspc/16400`. */
  readonly link: string;
}

/** Strict: every name that is listed must be described. */
export function decodeTablespaceSpec(fields: JsonDocument): TablespaceSpec {
  const names = fields.required("tablespaces", fields.texts("tablespaces"));
  const tablespaces = names.map((name) => {
    const one = fields.required(name, fields.nested(name));
    return {
      name,
      location: withoutSlashes(one.required("loc", one.text("loc"))),
      link: one.required("link", one.text("link")),
    };
  });
  if (new Set(names).size !== names.length) throw fields.fault("tablespaces", "names one twice");
  const basePrefix = fields.required("base_prefix", fields.text("base_prefix"));
  return { basePrefix: withoutSlashes(basePrefix), tablespaces };
}

/** Printed with the outer keys in byte order, as Go prints its map. */
export function encodeTablespaceSpec(spec: TablespaceSpec): unknown {
  const outer: JsonObject = {
    base_prefix: spec.basePrefix,
    tablespaces: spec.tablespaces.map((one) => one.name),
    ...Object.fromEntries(spec.tablespaces.map((one) => [one.name, null])),
  };
  const sorted = sortKeys(outer);
  if (!(sorted instanceof Map)) throw new TypeError("assertion failed: an object sorts to a map");
  for (const { name, location, link } of spec.tablespaces) {
    sorted.set(name, { loc: location, link });
  }
  return sorted;
}

/** The file of `--restore-spec`. */
export function parseRestoreSpec(text: string, path: string): TablespaceSpec {
  try {
    return decodeTablespaceSpec(new JsonDocument(path, parseJsonObject(text, path)));
  } catch (error) {
    if (!(error instanceof CorruptObjectError)) throw error;
    throw new UsageError(
      error.message,
      'A restore spec looks like {"base_prefix":"/data","tablespaces":["16400"],"16400":' +
        '{"loc":"/mnt/ts","link":"pg_tblspc/16400"}}.',
    );
  }
}

function withoutSlashes(path: string): string {
  return path.replace(/\/+$/, "");
}
