import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { addonPlugin, TARGETS } from "./build.ts";

const ROOT = join(import.meta.dirname, "..");
const NOTICE_FILE = /^(?:licen[cs]e|notice|copying)/i;

interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** License and notice files as shipped. */
  readonly texts: readonly string[];
}

/** Native code and the runtime: no package file of ours says what lies inside them. */
const INSIDE = [
  "The executable is the [Bun](https://bun.com) runtime (MIT) with tidemark's code appended. Bun",
  "links JavaScriptCore (LGPL-2) and other libraries, which its",
  "[license page](https://bun.com/docs/project/license) lists.",
  "The addons of `@mongodb-js/zstd` contain zstd (BSD-3-Clause); `sodium-native` and",
  "`libsodium-wrappers-sumo` contain libsodium (ISC).",
].join("\n");

/** The page about everything that the executables of all targets embed. */
export async function renderThirdParty(): Promise<string> {
  const packages = await bundledPackages();
  const rows = packages.map(
    ({ name, version, license }) => `| ${name} | ${version} | ${license} |`,
  );
  return [
    "# Third-party software in the executable",
    "<!-- Made by `bun run third-party` from the packages that are bundled; do not edit. -->",
    INSIDE,
    ["| Package | Version | License |", "|---|---|---|", ...rows].join("\n"),
    "## License texts and notices",
    "Apache-2.0 is in [LICENSE](LICENSE); of packages under it only the notices are repeated here.",
    ...groupByText(packages).map(({ names, text }) =>
      [`### ${names.join(", ")}`, "", "```text", text, "```"].join("\n"),
    ),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

async function bundledPackages(): Promise<readonly BundledPackage[]> {
  const folders = new Set<string>();
  for (const input of await bundleInputs()) {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  const bundled = [...folders].map((folder) => readPackage(resolve(folder)));
  const known = new Set(bundled.map(({ name }) => name));
  const embedded = addonPackages().filter(({ name }) => !known.has(name));
  const key = (one: { name: string; version: string }) => `${one.name} ${one.version}`;
  return [...bundled, ...embedded].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Files that the program reaches, lazily or not, from the working directory. */
async function bundleInputs(): Promise<readonly string[]> {
  const result = await Bun.build({
    entrypoints: [join(ROOT, "src/main.ts")],
    root: ROOT,
    target: "bun",
    format: "esm",
    splitting: true,
    metafile: true,
    define: { TIDEMARK_VERSION: '""' },
    plugins: [addonPlugin([], (specifier) => specifier)],
  });
  if (result.metafile === undefined) throw new Error("the bundler gave no metafile");
  return Object.keys(result.metafile.inputs);
}

/** Those of foreign processors are not installed here: version by the lock, text by the sibling. */
function addonPackages(): readonly BundledPackage[] {
  const specifiers = new Set(Object.values(TARGETS).flatMap(({ addons }) => [...addons]));
  return [...specifiers].map((specifier) => {
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
    const folder = join(ROOT, "node_modules", name);
    if (existsSync(folder) && !name.startsWith("@mongodb-js/")) return readPackage(folder);
    const version = Object.entries(packageJson.devDependencies).find(([key]) => key === name)?.[1];
    const sibling = readPackage(join(ROOT, "node_modules/@mongodb-js/zstd"));
    if (version === undefined) throw new Error(`${name}: its version is not pinned`);
    return { ...sibling, name, version };
  });
}

function readPackage(folder: string): BundledPackage {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { name, version } = manifest;
  // A list of them is the older form.
  const license = manifest.license ?? manifest.licenses?.[0]?.type;
  if (typeof license !== "string") throw new Error(`${folder}: its license is not stated`);
  const texts = readdirSync(folder)
    .filter((file) => NOTICE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r", "").trim());
  return { name, version, license, texts };
}

function groupByText(packages: readonly BundledPackage[]) {
  const groups = new Map<string, string[]>();
  for (const { name, texts } of packages) {
    for (const text of texts.map(noticeOf).filter((part) => part !== "")) {
      groups.set(text, [...(groups.get(text) ?? []), name]);
    }
  }
  return [...groups].map(([text, names]) => ({ names, text }));
}

/** The Apache License itself is in LICENSE: what remains of a copy is who holds the copyright. */
function noticeOf(text: string): string {
  if (!/Apache License\s+Version 2\.0/.test(text)) return text;
  const holders = text.match(/^\s*Copyright (?!\[yyyy\]|\{yyyy\})[^\n]*\d{4}[^\n]*$/gm) ?? [];
  return holders.map((line) => line.trim()).join("\n");
}

if (import.meta.main) {
  writeFileSync(join(ROOT, "THIRD_PARTY.md"), await renderThirdParty());
}
