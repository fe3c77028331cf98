import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = dirname(dirname(import.meta.dirname));
/** Made by tools, or bytes that others wrote. */
const NOT_OURS = ["node_modules", "dist", "coverage", ".git", ".cache", "fixtures", "golden"];

export interface SourceFile {
  /** From the project's root: `src/base/errors.ts`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Text with comments blanked out, line by line: for rules about code. */
  readonly code: string;
}

export interface ImportLine {
  /** As written. */
  readonly specifier: string;
  /** Path from the project's root for a file of ours, else undefined. */
  readonly path: string | undefined;
  readonly isTypeOnly: boolean;
  readonly isDynamic: boolean;
}

/** Every text file of the project below `folder` (all of it by default), sorted. */
export function projectFiles(folder = "."): readonly SourceFile[] {
  return walk(join(ROOT, folder)).map((path) => {
    const text = readFileSync(path, "utf8");
    return {
      path: relative(ROOT, path),
      text,
      lines: text.split("\n"),
      code: withoutComments(text),
    };
  });
}

/** The TypeScript files below `folder`. */
export function typeScriptFiles(folder: string): readonly SourceFile[] {
  return projectFiles(folder).filter(({ path }) => path.endsWith(".ts"));
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => !NOT_OURS.includes(name) && name !== "bun.lockb")
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
}

const IMPORTS = [
  /^(?:import|export)\s+(?<type>type\s)?[^"';]*?\sfrom\s+"(?<from>[^"]+)"/gm,
  /^import\s+"(?<from>[^"]+)"/gm,
  /(?<typeof>typeof\s+)?(?<dynamic>import)\(\s*"(?<from>[^"]+)"/g,
];

/** What a file imports, statically, dynamically or for its types. */
export function importsOf(file: SourceFile): readonly ImportLine[] {
  return IMPORTS.flatMap((pattern) =>
    [...file.code.matchAll(pattern)].map(({ groups = {} }) => {
      const specifier = groups["from"] ?? "";
      return {
        specifier,
        path: specifier.startsWith(".") ? join(dirname(file.path), specifier) : undefined,
        isTypeOnly: groups["type"] !== undefined || groups["typeof"] !== undefined,
        isDynamic: groups["dynamic"] !== undefined && groups["typeof"] === undefined,
      };
    }),
  );
}

/**
 * Comments become blanks, so that positions and line numbers stay. Strings are kept: the imports
 * need them, and a `//` inside one does not start a comment.
 */
function withoutComments(text: string): string {
  const token =
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(token, (found) =>
    found.startsWith("//") || found.startsWith("/*") ? found.replace(/[^\n]/g, " ") : found,
  );
}

/** Whether any code is left when the types are gone. */
export function hasRuntimeCode(file: SourceFile): boolean {
  if (file.path.endsWith(".d.ts")) return false;
  const code = new Bun.Transpiler({ loader: "ts", target: "bun" }).transformSync(file.text);
  return code.replace(/^import .*$|^export \{\s*\};?$/gm, "").trim() !== "";
}

/** The files that can be reached from `entries` through imports of every kind. */
export function reachableFrom(
  entries: readonly string[],
  files: readonly SourceFile[],
  follow: (line: ImportLine) => boolean = () => true,
): ReadonlySet<string> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const open = [...entries];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const file = byPath.get(path);
    if (file === undefined || seen.has(path)) continue;
    seen.add(path);
    for (const line of importsOf(file)) {
      if (line.path !== undefined && follow(line)) open.push(line.path);
    }
  }
  return seen;
}
