import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const BUN = process.execPath;
const BIN = join(ROOT, "node_modules/.bin");

interface Step {
  readonly name: string;
  /** What is wrong, or undefined. */
  readonly run: () => Promise<string | undefined>;
}

/** What every run needs; quick when it is there already. */
const PREPARATIONS: readonly Step[] = [
  { name: "dependencies", run: () => failureOf([BUN, "install", "--frozen-lockfile"]) },
  { name: "Debian's packages", run: installPackages },
  { name: "build", run: buildBinary },
  { name: "servers and binary in reach of their account", run: copyServers },
];

const CHECKS: readonly Step[] = [
  {
    name: "format and lint",
    run: () => failureOf([BUN, join(BIN, "biome"), "ci", "--error-on-warnings"]),
  },
  { name: "types", run: () => failureOf([BUN, join(BIN, "tsc"), "--noEmit"]) },
];

/**
 * Everything that `bun run test` promises, on a machine with nothing but Node and npm. Arguments
 * go to vitest: with them only these tests run, without lint and types. The last line is always
 * `N passed, N failed`.
 */
async function main(testArguments: readonly string[]): Promise<number> {
  const isPartial = testArguments.length > 0;
  const failed: string[] = [];
  for (const step of [...PREPARATIONS, ...(isPartial ? [] : CHECKS)]) {
    if (await passes(step)) continue;
    failed.push(step.name);
    // Without its preparation no later step would say anything true.
    if (PREPARATIONS.includes(step)) break;
  }
  if (failed.length > 0) {
    console.log(`not tested, as this failed: ${failed.join(", ")}`);
    console.log(`0 passed, ${failed.length} failed`);
    return 1;
  }
  const tests = Bun.spawn(
    [BUN, "--bun", join(BIN, "vitest"), "run", "--pool=threads", ...testArguments],
    { cwd: ROOT, env: process.env, stdio: ["inherit", "inherit", "inherit"] },
  );
  return await tests.exited;
}

async function passes(step: Step): Promise<boolean> {
  const startedAt = performance.now();
  const failure = await step.run().catch((error: unknown) => String(error));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${failure === undefined ? "ok  " : "FAIL"} ${step.name} (${seconds} s)`);
  if (failure !== undefined) console.log(failure);
  return failure === undefined;
}

/** Runs a command; its output counts only when it fails. */
async function failureOf(command: readonly string[]): Promise<string | undefined> {
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    env: process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return exitCode === 0 ? undefined : `${stdout}\n${stderr}`.trim();
}

/**
 * Tests that need a package which cannot be had fail by themselves and say how to get it; all
 * others still count, so this is no failure of its own.
 */
async function installPackages(): Promise<string | undefined> {
  const { installAptPackages } = await import("../test/support/apt-packages.ts");
  const warning = installAptPackages((line) => console.log(`     ${line}`));
  if (warning !== undefined) console.log(`     tests of these will fail: ${warning}`);
  return undefined;
}

async function buildBinary(): Promise<string | undefined> {
  const { builtBinary } = await import("../test/support/run-binary.ts");
  builtBinary();
  return undefined;
}

async function copyServers(): Promise<string | undefined> {
  const { POSTGRES_VERSIONS, postgresBinDir } = await import("../test/support/postgres-install.ts");
  const { binaryPath, removeStaleScratch } = await import("../test/support/scratch.ts");
  removeStaleScratch();
  binaryPath();
  for (const version of POSTGRES_VERSIONS) postgresBinDir(version);
  return undefined;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
