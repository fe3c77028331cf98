import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isProcessAlive } from "../../base/process-alive.ts";

/** The process id of the server that runs in a data directory; undefined when none does. */
export function runningServer(dataDir: string): number | undefined {
  const path = join(dataDir, "postmaster.pid");
  if (!existsSync(path)) return undefined;
  // A standalone backend writes its number negated.
  const processId = Number(/^-?(\d{1,10})\n/.exec(readFileSync(path, "latin1"))?.[1] ?? 0);
  return isProcessAlive(processId) ? processId : undefined;
}
