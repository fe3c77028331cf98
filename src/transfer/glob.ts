import { UsageError } from "../base/errors.ts";
import type { StorageDriver } from "../storage/driver.ts";

/** What a glob matches: full keys, and folders without a final slash; each in ascending order. */
export interface GlobMatches {
  readonly objects: readonly string[];
  readonly folders: readonly string[];
}

/**
 * Objects and folders whose path matches, segment by segment as Go's `path.Match` does: `*` and `?`
 * stay within a segment, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.
 * A slash at the end leaves only folders. Only folders on the way are listed.
 */
export async function expandGlob(
  driver: Pick<StorageDriver, "listFolder">,
  pattern: string,
  signal: AbortSignal,
): Promise<GlobMatches> {
  const matchers = pattern
    .split("/")
    .filter((segment) => segment !== "")
    .map(globMatcher);
  let prefixes: readonly string[] = [""];
  let objects: readonly string[] = [];
  for (const [index, matches] of matchers.entries()) {
    const isLast = index === matchers.length - 1;
    const found: { objects: string[]; folders: string[] } = { objects: [], folders: [] };
    for (const prefix of prefixes) {
      const listed = await driver.listFolder(prefix, signal);
      for (const name of listed.folders) if (matches(name)) found.folders.push(`${prefix}${name}/`);
      if (!isLast) continue;
      for (const { key } of listed.objects) {
        if (matches(key.slice(prefix.length))) found.objects.push(key);
      }
    }
    prefixes = found.folders;
    objects = found.objects;
  }
  if (matchers.length === 0) return { objects: [], folders: [] };
  return {
    objects: pattern.endsWith("/") ? [] : objects.toSorted(),
    folders: prefixes.map((prefix) => prefix.slice(0, -1)).sort(),
  };
}

/** Matches one segment of a path. */
function globMatcher(segment: string): (name: string) => boolean {
  const refuse = () => {
    return new UsageError(
      `glob ${JSON.stringify(segment)} is malformed`,
      "Classes end with ], run upwards, and a backslash stands before the character it is for.",
    );
  };
  const source = segment.replace(
    /\\(.)|\[(\^?)((?:\\.|[^\\\]])+)\]|./gsu,
    (token, escaped?: string, negation?: string, members?: string) => {
      if (escaped !== undefined) return literal(escaped);
      if (members !== undefined) return `[${negation ?? ""}${classMembers(members)}]`;
      if (token === "[" || token === "\\") throw refuse();
      if (token === "*") return ".*";
      return token === "?" ? "." : literal(token);
    },
  );
  let pattern: RegExp;
  try {
    pattern = new RegExp(`^${source}$`, "su");
  } catch {
    throw refuse();
  }
  return (name) => pattern.test(name);
}

function literal(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/u, "\\$&");
}

/** Escapes that a class of a regular expression has no use for are errors there. */
function classMembers(members: string): string {
  return members.replace(/\\(.)/gsu, (token, char: string) => {
    return /[\\\]^-]/u.test(char) ? token : char;
  });
}
