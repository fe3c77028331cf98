import { copyFileSync, existsSync, readdirSync, renameSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";

const ROOT = dirname(dirname(import.meta.dirname));
const BINARY = join(ROOT, "dist/tidemark");
const SOURCES = ["src", "scripts/build.ts", "package.json", "bun.lockb"];

export interface RunOptions {
  /** The whole environment of the process, beside PATH; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The executable; `dist/tidemark`, built when it is older than its sources, by default. */
  readonly binary?: string;
  readonly stdin?: Uint8Array | string;
  /** Runs as that user through setpriv (the tests run as root). */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** After it the process is killed and the run fails; 60 s by default. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** 128 + n for a process that signal n ended, as a shell reports it. */
  readonly exitCode: number;
  /** undefined: it ended by itself. */
  readonly signal: NodeJS.Signals | number | undefined;
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderr: string;
}

/** A binary that runs; `finished` gives its result, `kill` sends a signal. */
export interface RunningBinary {
  readonly pid: number;
  readonly finished: Promise<RunResult>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs the compiled binary to its end, whatever its exit code. */
export async function runBinary(
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return startBinary(args, options).finished;
}

/** Starts the compiled binary, for tests that kill it or look at it while it runs. */
export function startBinary(args: readonly string[], options: RunOptions = {}): RunningBinary {
  const executable = options.binary ?? builtBinary();
  const { user } = options;
  const command =
    user === undefined
      ? [executable, ...args]
      : [
          "setpriv",
          `--reuid=${user.uid}`,
          `--regid=${user.gid}`,
          "--clear-groups",
          "--",
          executable,
          ...args,
        ];
  const timeoutMs = options.timeoutMs ?? 60_000;
  const child = Bun.spawn(command, {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  return {
    pid: child.pid,
    finished: resultOf(child, { timeoutMs, label: args.join(" ") }),
    kill: (signal) => child.kill(signal),
  };
}

async function resultOf(
  child: Subprocess<"ignore" | Buffer, "pipe", "pipe">,
  limit: { readonly timeoutMs: number; readonly label: string },
): Promise<RunResult> {
  let hasTimedOut = false;
  const timer = setTimeout(() => {
    hasTimedOut = true;
    child.kill("SIGKILL");
  }, limit.timeoutMs);
  const [stdoutBytes, stderr] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  const exitCode = await child.exited;
  clearTimeout(timer);
  if (hasTimedOut) {
    throw new Error(`${limit.label}: no end after ${limit.timeoutMs} ms; stderr: ${stderr}`);
  }
  return {
    exitCode,
    signal: child.signalCode ?? undefined,
    stdout: new TextDecoder().decode(stdoutBytes),
    stdoutBytes,
    stderr,
  };
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
  const builtAt = statSync(BINARY).mtimeMs;
  return SOURCES.some((name) => newestChange(join(ROOT, name)) > builtAt);
}

function newestChange(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  const below = readdirSync(path).map((name) => newestChange(join(path, name)));
  return Math.max(status.mtimeMs, ...below);
}

/**
 * Puts the binary into a folder that other users can reach (a checkout below a private home is
 * not), under the given names: `tidemark` is the file, others are links to it, as users make them.
 */
export function installBinary(folder: string, names: readonly string[] = []): string {
  const target = join(folder, "tidemark");
  const unfinished = `${target}.${process.pid}.tmp`;
  copyFileSync(builtBinary(), unfinished);
  renameSync(unfinished, target);
  for (const name of names) symlinkSync("tidemark", join(folder, name));
  return target;
}
