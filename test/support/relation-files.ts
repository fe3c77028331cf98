import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Files of relations, whatever their fork, below a data directory and its tablespaces. */
export function relationFiles(dataDir: string): readonly string[] {
  const name =
    /^(?:base\/\d+|global|pg_tblspc\/\d+\/PG_[^/]+\/\d+)\/\d+(?:_(?:fsm|vm|init))?(?:\.\d+)?$/;
  const folders = ["base", "global"].flatMap((folder) => below(dataDir, folder));
  const spaces = readdirSync(join(dataDir, "pg_tblspc")).flatMap((oid) =>
    below(dataDir, `pg_tblspc/${oid}`),
  );
  return [...folders, ...spaces].filter((path) => name.test(path)).sort();
}

function below(dataDir: string, folder: string): readonly string[] {
  return readdirSync(join(dataDir, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dataDir.length + 1));
}

/** Pages (`path:block`) that differ between two data directories, and files that only one has. */
export function differingPages(one: string, other: string): readonly string[] {
  const names = new Set([...relationFiles(one), ...relationFiles(other)]);
  return [...names].sort().flatMap((path) => {
    const [left, right] = [one, other].map((dir) => contentOf(join(dir, path)));
    if (left === undefined || right === undefined) return [`${path}: in one only`];
    if (left.equals(right)) return [];
    const pageCount = Math.ceil(Math.max(left.byteLength, right.byteLength) / 8192);
    return Array.from({ length: pageCount }, (_, page) => page)
      .filter((page) => {
        const piece = (file: Buffer) => file.subarray(page * 8192, (page + 1) * 8192);
        return !piece(left).equals(piece(right));
      })
      .map((page) => `${path}:${page}`);
  });
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
