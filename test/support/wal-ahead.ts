import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tryLockFile } from "../../src/base/file-lock.ts";

const POLL_MS = 5;

/** Processes that store WAL of this `pg_wal` ahead, and the shells that they run under. */
export function aheadProcesses(walDir: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
        return (
          words.includes("wal-push-ahead") && words.some((word) => word.startsWith(`${walDir}/`))
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Returns once nobody stores ahead: only then is everything there that wal-push brought about. */
export async function aheadSettled(walDir: string, timeoutMs = 60_000): Promise<void> {
  const path = join(walDir, "walg_data", "wal-push.lock");
  const deadline = performance.now() + timeoutMs;
  while (existsSync(path)) {
    using lock = await tryLockFile(path);
    if (lock !== undefined) return;
    if (performance.now() > deadline) throw new Error(`${path}: held for ${timeoutMs} ms`);
    await Bun.sleep(POLL_MS);
  }
}
