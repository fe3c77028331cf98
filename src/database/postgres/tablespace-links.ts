import { isAbsolute, join, normalize, sep } from "node:path";
import { CorruptObjectError, ToolError, UsageError } from "../../base/errors.ts";
import type { TablespaceSpec } from "./tablespace-spec.ts";

/** One tablespace of the restored cluster: `pg_tblspc/<oid>` will point at `location`. */
export interface TablespaceLink {
  readonly oid: string;
  /** Absolute, normalized, without trailing slash. */
  readonly location: string;
}

/** A tablespace would be restored to a place where it must not be. */
export class TablespaceError extends ToolError {
  constructor(message: string) {
    super({
      code: "usage",
      message,
      hint: "Say with --restore-spec where each tablespace goes: empty folders of their own.",
    });
  }
}

/**
 * The links that a spec describes. Its `base_prefix` is where the cluster was; links are made under
 * the target instead.
 */
export function linksOf(spec: TablespaceSpec | undefined, what: string): readonly TablespaceLink[] {
  return (spec?.tablespaces ?? []).map(({ name, location, link }) => {
    const fault = (detail: string) => new CorruptObjectError(what, `tablespace ${name} ${detail}`);
    if (!/^\d{1,10}$/.test(name)) throw fault("is not named by a number");
    if (link !== `pg_tblspc/${name}`) throw fault(`has the link ${JSON.stringify(link)}`);
    if (!isAbsolute(location) || location.includes("\0")) {
      throw fault(`has the location ${JSON.stringify(location)}, not an absolute path`);
    }
    return { oid: name, location: normalize(location).replace(/\/+$/, "") || sep };
  });
}

/**
 * The user's spec instead of the backup's. Every tablespace of the backup must be in it: one that
 * is not would come back at its old place, unnoticed.
 */
export function relocatedLinks(
  own: readonly TablespaceLink[],
  relocated: readonly TablespaceLink[],
): readonly TablespaceLink[] {
  const missing = own.filter(({ oid }) => !relocated.some((link) => link.oid === oid));
  if (missing.length > 0) {
    throw new UsageError(
      `the restore spec lacks tablespace ${missing.map(({ oid }) => oid).join(", ")}`,
      'List every tablespace of the backup under "tablespaces", with its loc and link.',
    );
  }
  return relocated.filter(({ oid }) => own.length === 0 || own.some((link) => link.oid === oid));
}

/** Refuses locations inside each other, inside the target, around it, or used twice. */
export function checkTablespacePlaces(links: readonly TablespaceLink[], targetDir: string): void {
  const target = normalize(targetDir).replace(/\/+$/, "");
  const seen = new Set<string>();
  for (const { oid, location } of links) {
    if (seen.has(oid)) throw new TablespaceError(`tablespace ${oid} is listed twice`);
    seen.add(oid);
    if (isWithin(location, target) || isWithin(target, location)) {
      throw new TablespaceError(`tablespace ${oid}: ${location} and ${target} overlap`);
    }
    const other = links.find((link) => link.oid !== oid && isWithin(location, link.location));
    if (other !== undefined) {
      throw new TablespaceError(
        `tablespace ${oid}: ${location} overlaps ${other.location} of tablespace ${other.oid}`,
      );
    }
  }
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(join(folder, sep));
}
