import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What one run of a command took, from the operating system's accounts of the process. */
export interface Measure {
  readonly wallMs: number;
  /** User and system time of the process and of the children that it waited for. */
  readonly cpuMs: number;
  /** The largest single process. */
  readonly peakRssMiB: number;
  /** What read(2) and its like gave to it and to its children; undefined: not counted. */
  readonly readBytes?: number;
  /** What the server took meanwhile, on the same processors. */
  readonly serverCpuMs?: number;
}

export interface MeasuredCommand {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What its caller does once it succeeded; not measured. */
  readonly after?: () => void;
}

/** Runs a command to its end; anything but exit code 0 fails the benchmark. */
export async function measure(command: MeasuredCommand): Promise<Measure> {
  const startMs = performance.now();
  const child = Bun.spawn([...command.argv], {
    cwd: command.cwd ?? "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...command.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const wallMs = performance.now() - startMs;
  const usage = child.resourceUsage();
  if (exitCode !== 0 || usage === undefined) {
    throw new Error(`${command.argv.join(" ")}: exit code ${exitCode}\n${stdout}${stderr}`);
  }
  return {
    wallMs,
    cpuMs: Number(usage.cpuTime.total) / 1000,
    peakRssMiB: usage.maxRSS / (1 << 20),
  };
}

/** The same, and how many bytes it read, by the kernel's account of the shell that waited. */
export async function measureReading(command: MeasuredCommand): Promise<Measure> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-read-"));
  try {
    const account = join(folder, "io");
    const script = `"$@"; code=$?; cat /proc/$$/io > "$0"; exit $code`;
    const argv = ["sh", "-c", script, account, ...command.argv];
    const measured = await measure({ ...command, argv });
    const read = /^rchar: (\d+)$/m.exec(readFileSync(account, "utf8"))?.[1];
    return { ...measured, readBytes: Number(read) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Makes the next run read from the disk, as with a database larger than memory; needs root. */
export function dropPageCache(): boolean {
  Bun.spawnSync(["sync"]);
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return true;
  } catch {
    return false;
  }
}

/** The same work done by several commands one after the other: sums, and the largest memory. */
export async function measureEach(commands: readonly MeasuredCommand[]): Promise<Measure> {
  let total: Measure = { wallMs: 0, cpuMs: 0, peakRssMiB: 0 };
  for (const command of commands) {
    const one = await measure(command);
    command.after?.();
    total = {
      wallMs: total.wallMs + one.wallMs,
      cpuMs: total.cpuMs + one.cpuMs,
      peakRssMiB: Math.max(total.peakRssMiB, one.peakRssMiB),
    };
  }
  return total;
}

export interface Contestant {
  readonly name: string;
  /** Brings everything to the state before the run; not measured. */
  prepare(): Promise<void>;
  run(): Promise<Measure>;
  /** Bytes stored by the last run; undefined where that means nothing. */
  storedBytes?(): number;
}

export interface Result {
  readonly name: string;
  readonly measures: readonly Measure[];
  readonly storedBytes: number | undefined;
}

/**
 * The contestants in turn, A B C A B C …, so that what the machine does meanwhile hits all alike.
 * The first round warms caches and is not counted.
 */
export async function alternate(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<readonly Result[]> {
  const measures = new Map<string, Measure[]>(contestants.map(({ name }) => [name, []]));
  const stored = new Map<string, number>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      await contestant.prepare();
      const one = await contestant.run();
      if (round > 0) measures.get(contestant.name)?.push(one);
      const bytes = contestant.storedBytes?.();
      if (bytes !== undefined) stored.set(contestant.name, bytes);
    }
  }
  return contestants.map(({ name }) => ({
    name,
    measures: measures.get(name) ?? [],
    storedBytes: stored.get(name),
  }));
}
