// Proves that the tree keeps its own rules, by reading it: imports, owners, sizes, words, tests.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  hasRuntimeCode,
  type ImportLine,
  importsOf,
  projectFiles,
  reachableFrom,
  type SourceFile,
  typeScriptFiles,
} from "../support/source-tree.ts";
import {
  HOT_ENTRIES,
  IMPORT_RULES,
  type ImportRule,
  OWNERSHIPS,
  PACKAGE_OWNERS,
  PROVEN_BY,
  SLOW_MODULES,
  START_PACKAGES,
  UNREACHED,
} from "../support/tidy-rules.ts";

const ROOT = join(import.meta.dirname, "../..");
const SOURCES = typeScriptFiles("src");
const SCRIPTS = typeScriptFiles("scripts");
const TESTS = typeScriptFiles("test");
const ALL_CODE = [...SOURCES, ...SCRIPTS, ...TESTS];
const LINES_MAX = 400;
const COLUMNS_MAX = 100;

/** Loaded by vitest.config.ts by their path. */
const REPORTERS = ["test/support/summary-reporter.ts"];

function isTest({ path }: SourceFile): boolean {
  return path.endsWith(".test.ts");
}

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Path below src. */
function place(path: string): string {
  return path.replace(/^src\//, "");
}

function isIn(path: string, places: readonly string[]): boolean {
  return places.some((entry) => {
    if (entry.endsWith("/*")) return dirname(path) === entry.slice(0, -2);
    return entry.endsWith("/") ? path.startsWith(entry) : path === entry;
  });
}

function positionsOf(file: SourceFile, pattern: RegExp, text = file.code): readonly string[] {
  return text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}`] : []));
}

describe("imports", () => {
  test("follow the table of folders", () => {
    expect(
      SOURCES.flatMap((file) => importsOf(file).flatMap((line) => breach(file, line))),
    ).toEqual([]);
  });

  test("stay inside src", () => {
    const outside = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter(({ path }) => path !== undefined && !path.startsWith("src/"))
        .map(({ specifier }) => `${file.path}: ${specifier}`),
    );
    expect(outside).toEqual([]);
  });

  test("name packages only where they are owned", () => {
    const wrong = SOURCES.flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => isPackage(specifier))
        .filter(({ specifier }) => !specifier.endsWith(".node"))
        .filter(({ specifier }) => !isIn(place(file.path), PACKAGE_OWNERS[specifier] ?? []))
        .map(({ specifier }) => `${file.path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });
});

function breach(file: SourceFile, line: ImportLine): readonly string[] {
  if (line.path === undefined || !line.path.startsWith("src/")) return [];
  const rule = IMPORT_RULES.find((entry) => isIn(place(file.path), [entry.place]));
  if (rule === undefined) return [`${file.path}: no rule for this place`];
  return mayImport(rule, line) ? [] : [`${file.path} must not import ${line.path}`];
}

function mayImport(rule: ImportRule, line: ImportLine): boolean {
  const target = place(line.path ?? "");
  return isIn(target, rule.may) || (line.isTypeOnly && isIn(target, rule.mayTypes ?? []));
}

function isPackage(specifier: string): boolean {
  return !specifier.startsWith(".") && !isBuiltin(specifier);
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || specifier === "bun" || specifier.startsWith("bun:");
}

describe("owners", () => {
  test.each(OWNERSHIPS)("$what belongs to one place", ({ pattern, owners }) => {
    const strangers = SOURCES.filter(({ path }) => !isIn(place(path), owners));
    expect(strangers.flatMap((file) => positionsOf(file, pattern))).toEqual([]);
  });

  test("errors that are caught leave a trace or a reason", () => {
    const empty = ALL_CODE.flatMap((file) =>
      positionsOf(file, /catch\s*(?:\([^)]*\)\s*)?\{\s*\}/, file.text),
    );
    const dropped = [...SOURCES, ...SCRIPTS].flatMap((file) =>
      positionsOf(file, /\.catch\(\(\w*\) => (?:\{\s*\}|undefined)\)/).filter((position) => {
        const index = Number(position.split(":").at(-1)) - 1;
        const near = file.lines.slice(Math.max(0, index - 3), index + 1);
        return !near.some((line) => line.includes("// "));
      }),
    );
    expect([...empty, ...dropped]).toEqual([]);
  });
});

describe("sizes", () => {
  test(`no file is longer than ${LINES_MAX} lines`, () => {
    const long = ALL_CODE.filter(({ lines }) => lines.length - 1 > LINES_MAX);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length - 1}`)).toEqual([]);
  });

  test(`no line is longer than ${COLUMNS_MAX} columns`, () => {
    const long = ALL_CODE.flatMap((file) =>
      file.lines.flatMap((line, index) =>
        // A literal that cannot be broken (a hash, golden bytes) may stand alone.
        line.length > COLUMNS_MAX && !/^\s*["'`/][^\s]*["'`/][gimu]*[,;)]*$/.test(line)
          ? [`${file.path}:${index + 1}`]
          : [],
      ),
    );
    expect(long).toEqual([]);
  });
});

describe("files", () => {
  test("every source is used by the program, every support file by a test", () => {
    const entries = [
      "src/main.ts",
      ...SCRIPTS.map(({ path }) => path),
      ...TESTS.filter(isTest).map(({ path }) => path),
    ];
    const product = reachableFrom(["src/main.ts", ...SCRIPTS.map(({ path }) => path)], ALL_CODE);
    const all = reachableFrom([...entries, ...REPORTERS], ALL_CODE);
    const unused = [
      ...SOURCES.filter(({ path }) => !path.endsWith(".d.ts") && !product.has(path)).filter(
        ({ path }) => UNREACHED[place(path)] === undefined,
      ),
      ...TESTS.filter(({ path }) => !all.has(path)),
    ];
    expect(unused.map(({ path }) => path)).toEqual([]);
  });

  test("every script is one that package.json runs, or a part of one", () => {
    const { scripts } = JSON.parse(textOf("package.json"));
    const entries = Object.values<string>(scripts).flatMap(
      (line) => line.match(/scripts\/\S+/) ?? [],
    );
    expect(entries.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    const used = reachableFrom([...entries, ...TESTS.map(({ path }) => path)], ALL_CODE);
    expect(SCRIPTS.map(({ path }) => path).filter((path) => !used.has(path))).toEqual([]);
  });

  test("every source with code has a unit test of its path, or a named test that proves it", () => {
    const without = SOURCES.filter(hasRuntimeCode)
      .map(({ path }) => path)
      .filter((path) => !PROVEN_BY.some(([part]) => isIn(place(path), [part])))
      .filter((path) => !existsSync(join(ROOT, unitTestOf(path))));
    expect(without).toEqual([]);
    expect(
      PROVEN_BY.map(([, test]) => test).filter((test) => !existsSync(join(ROOT, test))),
    ).toEqual([]);
  });

  test("every unit test has the source that it is named after", () => {
    const orphans = TESTS.map(({ path }) => path)
      .filter((path) => path.startsWith("test/unit/") && path.endsWith(".test.ts"))
      .filter((path) => path !== "test/unit/tidy.test.ts")
      .filter((path) => !existsSync(join(ROOT, sourceOf(path))));
    expect(orphans).toEqual([]);
  });

  test("the process of one segment loads nothing slow at its start", () => {
    const files = reachableFrom(
      HOT_ENTRIES,
      SOURCES,
      (line) => !line.isDynamic && !line.isTypeOnly,
    );
    expect(HOT_ENTRIES.filter((path) => !files.has(path))).toEqual([]);
    const slow = SOURCES.filter(({ path }) => files.has(path)).flatMap((file) =>
      importsOf(file)
        .filter(({ isDynamic, isTypeOnly }) => !isDynamic && !isTypeOnly)
        .filter(({ specifier }) => isSlow(specifier))
        .map(({ specifier }) => `${file.path}: ${specifier}`),
    );
    expect(slow).toEqual([]);
  });
});

function isSlow(specifier: string): boolean {
  return isPackage(specifier)
    ? !START_PACKAGES.includes(specifier)
    : SLOW_MODULES.includes(specifier);
}

function unitTestOf(path: string): string {
  return path.replace(/^src\//, "test/unit/").replace(/\.ts$/, ".test.ts");
}

function sourceOf(path: string): string {
  const below = path.replace(/^test\/unit\//, "").replace(/\.test\.ts$/, ".ts");
  return below.startsWith("scripts/") ? below : `src/${below}`;
}

describe("tests", () => {
  const suites = TESTS.filter(isTest);

  test("begin with a sentence that says what is proven", () => {
    const mute = suites.filter(({ text }) => !/^(?:\/\/ [^\n]*\n)*\/\/ [^\n]*\.\n/.test(text));
    expect(mute.map(({ path }) => path)).toEqual([]);
  });

  test("are left out only with a reason above them", () => {
    const pattern =
      /\b(?:test|it|describe)\.(?:skip|only|todo|skipIf|runIf|fails)\b|\b(?:ctx|context)\.skip\(/;
    const silent = TESTS.flatMap((file) =>
      positionsOf(file, pattern).filter((position) => {
        const line = Number(position.split(":").at(-1)) - 1;
        return !/^\s*\/\/ skipped: .{20,}/.test(file.lines[line - 1] ?? "");
      }),
    );
    expect(silent).toEqual([]);
  });

  test("of a guarantee carry its number", () => {
    const wrong = suites
      .filter(({ path }) => path.startsWith("test/guarantee/"))
      .filter(({ path, text }) => {
        const number = /^test\/guarantee\/g(\d\d)-[a-z0-9-]+\.test\.ts$/.exec(path)?.[1];
        return number === undefined || !text.includes(`"G${number} `);
      });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test("end in .test.ts where vitest looks for them", () => {
    const folders = ["unit", "fuzz", "conformance", "guarantee", "e2e"];
    const lost = suites.filter(({ path }) => !folders.includes(path.split("/")[1] ?? ""));
    expect(lost.map(({ path }) => path)).toEqual([]);
  });
});

describe("docs", () => {
  const pages = projectFiles().filter(({ path }) => path.endsWith(".md"));

  test("say of each shell block whether it is run", () => {
    const unmarked = pages.flatMap((page) =>
      positionsOf(page, /^\s*```(?:sh|bash|shell|console)\s*$/, page.text),
    );
    expect(unmarked).toEqual([]);
  });

  test("link to files that are there", () => {
    const broken = pages.flatMap((page) =>
      [...page.text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, target = ""]) => join(dirname(page.path), target))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${page.path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("words", () => {
  test("nothing is left to do", () => {
    const marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|");
    const pattern = new RegExp(`\\b(?:${marks})\\b`);
    expect(ALL_CODE.flatMap((file) => positionsOf(file, pattern, file.text))).toEqual([]);
  });

  test("nothing names the place where it was written, or a host that serves packages", () => {
    const folder = /(?:^|[\s"'`(=:])\/(?:wor[k]|far[m]|roo[t]\/\.)\//;
    const host =
      /\b(?:registry|proxy|deb|index|mirror|artifacts)\.[a-z0-9-]+\.(?:org|com|io|net)\b/;
    const files = projectFiles();
    expect(files.flatMap((file) => positionsOf(file, folder, file.text))).toEqual([]);
    expect(files.flatMap((file) => positionsOf(file, host, file.text))).toEqual([]);
  });
});
