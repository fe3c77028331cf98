import { UsageError } from "../../base/errors.ts";

/**
 * `--mask`: a shell pattern for paths below the data directory, with Go's rules (filepath.Match),
 * as WAL-G has them. `*` and `?` do not match a slash, `[a-z]` and `[^a-z]` are classes, `\`
 * takes the next character as it is; the pattern must match the whole path.
 */
export function parseMask(mask: string): (path: string) => boolean {
  const pattern = mask.startsWith("/") ? mask.slice(1) : mask;
  let source = "";
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? "";
    if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const end = classEnd(pattern, index, mask);
      source += classSource(pattern.slice(index + 1, end), mask);
      index = end;
    } else if (char === "\\") {
      index += 1;
      source += escaped(pattern[index] ?? malformed(mask));
    } else source += escaped(char);
  }
  const matcher = new RegExp(`^${source}$`, "su");
  return (path) => matcher.test(path);
}

/** Index of the bracket that closes the class opened at `start`. */
function classEnd(pattern: string, start: number, mask: string): number {
  let index = start + 1;
  if (pattern[index] === "^") index += 1;
  const first = index;
  for (; index < pattern.length; index++) {
    if (pattern[index] === "\\") index += 1;
    else if (pattern[index] === "]" && index > first) return index;
  }
  return malformed(mask);
}

/** Go: ranges `lo-hi` and single characters, each possibly after a backslash. */
function classSource(content: string, mask: string): string {
  const isNegated = content.startsWith("^");
  const letters = [...(isNegated ? content.slice(1) : content)];
  let source = "";
  let index = 0;
  const next = (): string => {
    const letter = letters[index++];
    if (letter === "\\") return letters[index++] ?? malformed(mask);
    return letter === undefined || letter === "-" ? malformed(mask) : letter;
  };
  while (index < letters.length) {
    const low = next();
    if (letters[index] !== "-") {
      source += escaped(low);
      continue;
    }
    index += 1;
    const high = next();
    // An empty range matches nothing in Go and is an error in a RegExp.
    if (low <= high) source += `${escaped(low)}-${escaped(high)}`;
  }
  // A class never matches the separator.
  return isNegated ? `[^/${source}]` : `(?!/)[${source}]`;
}

function escaped(letter: string): string {
  return /[\^$\\.*+?()[\]{}|/-]/.test(letter) ? `\\${letter}` : letter;
}

function malformed(mask: string): never {
  throw new UsageError(
    `--mask ${JSON.stringify(mask)} is not a valid pattern`,
    "A pattern looks like base/16384/*: * and ? do not cross a slash, [a-z] is a class.",
  );
}
