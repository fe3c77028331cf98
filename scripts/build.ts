import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import packageJson from "../package.json" with { type: "json" };

const ROOT = dirname(import.meta.dirname);

/**
 * What a target may embed. Every other addon that the sources name resolves to `undefined` in
 * its build, and the code falls back (built-in engine, WASM).
 */
export const TARGETS = {
  "linux-x64": {
    bunTarget: "bun-linux-x64",
    cpu: "x64",
    addons: [
      "@mongodb-js/zstd-linux-x64-gnu/zstd.linux-x64-gnu.node",
      // glibc only: the package has no prebuild for musl, and its arm64 one is not tested by us.
      "sodium-native/prebuilds/linux-x64/sodium-native.node",
    ],
  },
  "linux-arm64": {
    bunTarget: "bun-linux-arm64",
    cpu: "arm64",
    addons: ["@mongodb-js/zstd-linux-arm64-gnu/zstd.linux-arm64-gnu.node"],
  },
  "linux-x64-musl": {
    bunTarget: "bun-linux-x64-musl",
    cpu: "x64",
    addons: ["@mongodb-js/zstd-linux-x64-musl/zstd.linux-x64-musl.node"],
  },
  "linux-arm64-musl": {
    bunTarget: "bun-linux-arm64-musl",
    cpu: "arm64",
    addons: ["@mongodb-js/zstd-linux-arm64-musl/zstd.linux-arm64-musl.node"],
  },
} as const satisfies Record<
  string,
  { bunTarget: Bun.Build.CompileTarget; cpu: "x64" | "arm64"; addons: readonly string[] }
>;

export type TargetName = keyof typeof TARGETS;

export interface BuildRequest {
  readonly target: TargetName;
  readonly outfile: string;
  readonly entry?: string;
}

/** Compiles one executable; the file appears under its name only when it is complete. */
export async function buildBinary(request: BuildRequest): Promise<void> {
  const target = TARGETS[request.target];
  using addons = addonSource(target.cpu);
  mkdirSync(dirname(request.outfile), { recursive: true });
  // The executable holds its own name, so only the folder may differ between two builds.
  const scratch = mkdtempSync(join(dirname(request.outfile), ".build-"));
  const unfinished = join(scratch, basename(request.outfile));
  try {
    const result = await Bun.build({
      entrypoints: [request.entry ?? join(ROOT, "src/main.ts")],
      target: "bun",
      format: "esm",
      minify: true,
      // Splitting keeps what a command does not import out of its start-up; bytecode saves parsing.
      splitting: true,
      bytecode: true,
      define: buildFacts(),
      plugins: [addonPlugin(target.addons, addons.resolve)],
      compile: {
        target: target.bunTarget,
        outfile: unfinished,
        // archive_command runs in PGDATA: nothing found there may configure or extend the binary.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
    if (!result.success) throw new AggregateError(result.logs, "the build failed");
    renameSync(unfinished, request.outfile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The target that this machine runs. */
export function hostTarget(): TargetName {
  const isMusl = existsSync(`/lib/ld-musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`);
  const hasGlibc =
    existsSync("/lib64/ld-linux-x86-64.so.2") || existsSync("/lib/ld-linux-aarch64.so.1");
  const name = `linux-${process.arch}${isMusl && !hasGlibc ? "-musl" : ""}`;
  if (process.platform !== "linux" || !isTargetName(name)) {
    throw new Error(`no target for ${process.platform} ${process.arch}; name one with --target`);
  }
  return name;
}

function isTargetName(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

/**
 * Version and origin for `src/base/build-info.ts`; the commit's date keeps builds repeatable. Where
 * there is no checkout (the image's build), the environment may say what was checked out.
 */
function buildFacts(): Record<string, string> {
  const { TIDEMARK_REVISION, TIDEMARK_BUILD_DATE } = process.env;
  const date = git("show", "-s", "--format=%cI", "HEAD");
  return {
    TIDEMARK_VERSION: JSON.stringify(packageJson.version),
    TIDEMARK_REVISION: JSON.stringify(TIDEMARK_REVISION || checkedOutRevision()),
    TIDEMARK_BUILD_DATE: JSON.stringify(TIDEMARK_BUILD_DATE || date),
  };
}

function checkedOutRevision(): string {
  const revision = git("rev-parse", "--short=12", "HEAD");
  if (revision === "") return "";
  const changes = git("status", "--porcelain", "--", "src", "package.json", "bun.lockb");
  return changes === "" ? revision : `${revision}-dirty`;
}

/** Empty outside a checkout (a source archive, the image build) and where git is missing. */
function git(...args: readonly string[]): string {
  if (Bun.which("git") === null) return "";
  const { exitCode, stdout } = Bun.spawnSync(["git", "-C", ROOT, ...args], { stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : "";
}

interface AddonSource extends Disposable {
  resolve(specifier: string): string;
}

/**
 * Packages of another processor are not installed here: they come into a scratch folder, by the
 * same lock file, so with the same versions and integrity hashes.
 */
function addonSource(cpu: "x64" | "arm64"): AddonSource {
  if (cpu === process.arch) {
    const installed = createRequire(import.meta.url);
    return { resolve: (specifier) => installed.resolve(specifier), [Symbol.dispose]() {} };
  }
  const folder = mkdtempSync(join(tmpdir(), "tidemark-addons-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  for (const name of ["package.json", "bun.lockb", "bunfig.toml"]) {
    copyFileSync(join(ROOT, name), join(folder, name));
  }
  const install = Bun.spawnSync(
    [
      process.execPath,
      "install",
      "--frozen-lockfile",
      "--ignore-scripts",
      `--cpu=${cpu}`,
      "--os=linux",
    ],
    { cwd: folder, stdout: "ignore" },
  );
  if (install.exitCode !== 0) {
    remove();
    throw new Error(`cannot install the addons for ${cpu}: ${install.stderr.toString().trim()}`);
  }
  const installed = createRequire(join(folder, "package.json"));
  return { resolve: (specifier) => installed.resolve(specifier), [Symbol.dispose]: remove };
}

/**
 * Lets the target's addons in by literal specifier and replaces every other one by `undefined`.
 * The specifier stays the module's path, as names inside the executable are made from it, and
 * the loader is said, as a resolved path loses the import's `type: "file"`: without it Bun would
 * load the addon itself and unpack it into a temporary directory.
 */
export function addonPlugin(
  addons: readonly string[],
  resolveAddon: (specifier: string) => string,
): BunPlugin {
  return {
    name: "addons",
    setup(build) {
      build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, namespace: "addon" }));
      build.onLoad({ filter: /.*/, namespace: "addon" }, ({ path }) =>
        addons.includes(path)
          ? { contents: readFileSync(resolveAddon(path)), loader: "file" }
          : // CommonJS: what a package requires and would use must be undefined itself.
            { contents: "module.exports = undefined;", loader: "js" },
      );
    },
  };
}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { target: { type: "string" }, outfile: { type: "string" } },
  });
  const host = hostTarget();
  const target = values.target ?? host;
  if (!isTargetName(target)) {
    throw new Error(`unknown target ${target}; known: ${Object.keys(TARGETS).join(", ")}`);
  }
  const fileName = target === host ? "tidemark" : `tidemark-${target}`;
  const outfile = values.outfile ?? join(ROOT, "dist", fileName);
  await buildBinary({ target, outfile: resolve(outfile) });
  console.log(outfile);
}

if (import.meta.main) await main(process.argv.slice(2));
