import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");
const BUN = process.execPath;
const BIN = join(ROOT, "node_modules/.bin");

/** The tests run on the runtime that ships, in threads (its child processes fail under Bun). */
export const VITEST = [BUN, "--bun", join(BIN, "vitest"), "run", "--pool=threads"] as const;

export interface Step {
  readonly name: string;
  /** What is wrong, or undefined. */
  readonly run: () => Promise<string | undefined>;
}

/** What is known of the sources without running them. */
export const STATIC_CHECKS: readonly Step[] = [
  {
    name: "format and lint",
    run: () => failureOf([BUN, join(BIN, "biome"), "ci", "--error-on-warnings"]),
  },
  { name: "types", run: () => failureOf([BUN, join(BIN, "tsc"), "--noEmit"]) },
];

/** Runs a step and prints one line about it, with what is wrong below. */
export async function passes(step: Step): Promise<boolean> {
  const startedAt = performance.now();
  const failure = await step.run().catch((error: unknown) => String(error));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${failure === undefined ? "ok  " : "FAIL"} ${step.name} (${seconds} s)`);
  if (failure !== undefined) console.log(failure);
  return failure === undefined;
}

/** Runs a command; its output counts only when it fails. */
export async function failureOf(command: readonly string[]): Promise<string | undefined> {
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
