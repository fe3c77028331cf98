import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Process ids of all children, their children and so on. */
export function descendants(processId: number): number[] {
  const children: number[] = [];
  for (const thread of listed(`/proc/${processId}/task`)) {
    const path = `/proc/${processId}/task/${thread}/children`;
    if (!existsSync(path)) continue;
    children.push(...readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number));
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function listed(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

/** SIGKILL for a process that may have ended already. */
export function killIfThere(processId: number): void {
  try {
    process.kill(processId, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

/** Whether a process still runs: one that only waits for its parent does not. */
export function isAlive(processId: number): boolean {
  if (!existsSync(`/proc/${processId}/stat`)) return false;
  const state = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${processId}/stat`, "utf8"))?.[1];
  return state !== "Z" && state !== "X";
}

/**
 * The most memory that a running process has had, in bytes; undefined once it is gone. What the
 * kernel says of a child that has ended counts its parent too, from before it became a program.
 */
export function peakBytesOf(processId: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${processId}/status`, "utf8");
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return peak === undefined ? undefined : Number(peak) * 1024;
  } catch {
    return undefined;
  }
}
