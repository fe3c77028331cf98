import { readFileSync } from "node:fs";

/** An account that servers run under. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whom servers run as. PostgreSQL refuses root and initdb wants an entry in /etc/passwd, so root
 * lends them `nobody`, which every Linux has; an ordinary user runs them as itself (undefined).
 */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("nobody:"));
  const [name, , uid, gid] = line?.split(":") ?? [];
  if (name === undefined || uid === undefined || gid === undefined) {
    throw new Error(
      "servers cannot run as root, and /etc/passwd has no `nobody`: " +
        "run the tests as an ordinary user",
    );
  }
  return { name, uid: Number(uid), gid: Number(gid) };
}

/**
 * The command line that runs `command` as the servers' account. The child gets SIGQUIT when the
 * thread that started it ends: a crashed test leaves no server behind.
 */
export function asServer(command: readonly string[]): string[] {
  const account = serverAccount();
  const identity =
    account === undefined
      ? []
      : [`--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups"];
  return ["setpriv", "--pdeathsig", "SIGQUIT", ...identity, "--", ...command];
}

export interface RunResult {
  readonly exitCode: number;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment; nothing is inherited but PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
  /** After it the child is killed and the run fails. Default 120 s. */
  readonly timeoutMs?: number;
}

/** Runs a command as the servers' account to its end; the exit code is for the caller to judge. */
export async function runAsServer(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return runToEnd(asServer(command), options);
}

/** The same, where anything but exit code 0 is an error that holds the output. */
export async function mustRunAsServer(
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await runAsServer(command, options);
  if (result.exitCode !== 0) throw new Error(describeRun(command, result));
  return result.stdout;
}

/** Runs a command as the present user to its end. */
export async function runToEnd(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...options.env },
    stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  const result = { exitCode, signal: child.signalCode?.toString(), stdout, stderr };
  if (isLate) throw new Error(`not over after ${timeoutMs} ms: ${describeRun(command, result)}`);
  return result;
}

/** A failed run in words: for error messages of tests. */
export function describeRun(command: readonly string[], result: RunResult): string {
  const how = result.signal ?? `exit code ${result.exitCode}`;
  return `${command.join(" ")}: ${how}\n${result.stdout}${result.stderr}`;
}
