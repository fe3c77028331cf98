import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { asServer, type RunOptions, type RunResult, runToEnd } from "./run-as.ts";
import { binaryPath } from "./scratch.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const BINARY = join(ROOT, "dist/tidemark");
const SOURCES = ["src", "scripts/build.ts", "package.json", "bun.lockb"];

export interface BinaryOptions extends RunOptions {
  /** The name it is called by: `tidemark`, `wal-g`, `wal-g-pg`, … */
  readonly name?: string;
  /** Runs it as the servers' account instead of the present user. */
  readonly isServer?: boolean;
}

/** Runs the compiled binary to its end, whatever its exit code. */
export async function runBinary(
  args: readonly string[],
  options: BinaryOptions = {},
): Promise<RunResult> {
  return runToEnd(binaryCommand(args, options), options);
}

/** A binary that runs: for tests that look at it or kill it on its way. */
export interface RunningBinary {
  readonly pid: number;
  /** 128 + n when signal n ended it, as a shell reports it. */
  readonly exited: Promise<number>;
  readonly stdout: Promise<string>;
  readonly stderr: Promise<string>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts the compiled binary; whoever starts it also ends it. */
export function startBinary(args: readonly string[], options: BinaryOptions = {}): RunningBinary {
  const child = Bun.spawn(binaryCommand(args, options), {
    cwd: options.cwd ?? "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  return {
    pid: child.pid,
    exited: child.exited,
    stdout: new Response(child.stdout).text(),
    stderr: new Response(child.stderr).text(),
    kill: (signal) => child.kill(signal),
  };
}

/** The command line of a run of the binary: setpriv replaces itself, so the pid is the binary's. */
export function binaryCommand(args: readonly string[], options: BinaryOptions = {}): string[] {
  builtBinary();
  const command = [binaryPath(options.name), ...args];
  return options.isServer === true ? asServer(command) : command;
}

/** Path of `dist/tidemark`, compiled first when a source is newer. */
export function builtBinary(): string {
  if (isStale()) {
    const build = Bun.spawnSync([process.execPath, "run", "scripts/build.ts"], { cwd: ROOT });
    if (build.exitCode !== 0) throw new Error(`the build failed: ${build.stderr.toString()}`);
  }
  return BINARY;
}

function isStale(): boolean {
  if (!existsSync(BINARY)) return true;
  const builtAtMs = statSync(BINARY).mtimeMs;
  return SOURCES.some((name) => newestChangeMs(join(ROOT, name)) > builtAtMs);
}

function newestChangeMs(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  const below = readdirSync(path).map((name) => newestChangeMs(join(path, name)));
  return Math.max(status.mtimeMs, ...below);
}
