import { existsSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { ToolError, UsageError } from "../base/errors.ts";
import { loadPostgresQueue } from "../database/registry.ts";
import { takeStored } from "../database/stored-ahead.ts";
import type { Invocation } from "./command.ts";
import { startAhead, tellNotes } from "./start-ahead.ts";

/**
 * `archive_command`: stores one WAL file, and lets another process store what else the server
 * waits to have archived. Exit code 0 only when the storage acknowledged the named file. Most of
 * 64 calls find it stored already: nothing is loaded here but what tells them so.
 */
export async function run(invocation: Invocation): Promise<void> {
  const { settings, log } = invocation;
  refuseRoot(invocation);
  refuseStopped(settings);
  const path = findPath(invocation.arguments[0] ?? "", settings.text("PGDATA"));
  const name = basename(path);
  const { WalQueue } = await loadPostgresQueue();
  const queue = WalQueue.beside(path, {
    fingerprint: settings.fingerprint(),
    renamesReady: settings.flag("PG_READY_RENAME"),
  });
  if (queue !== undefined && (await takeStored(queue, name, invocation))) {
    log.info(`WAL file '${path}': marked`);
    if (queue.ahead.hasPlan) return;
  } else {
    if (queue?.ahead.hasPlan === false) tellNotes(queue, log);
    const { pushWalFile } = await import("./wal-push-file.ts");
    if (!(await pushWalFile(invocation, { path, queue }))) return;
  }
  if (queue !== undefined) await startAhead(invocation, queue, name);
}

/** Relative paths start in the working directory, where the server runs us, else in PGDATA. */
function findPath(path: string, dataDirectory: string | undefined): string {
  if (isAbsolute(path) || existsSync(path) || dataDirectory === undefined) return path;
  return join(dataDirectory, path);
}

/**
 * The server never runs as root, so archive_command does not either; files that root makes lock
 * the server out. WAL-G's users who push by hand as root are only warned.
 */
function refuseRoot({ personality, settings, log }: Invocation): void {
  if (process.geteuid?.() !== 0 || settings.flag("ALLOW_ROOT")) return;
  const problem = "wal-push runs as root: the server's user may not be able to use its files";
  if (!personality.isWalg) {
    throw new UsageError(problem, "Run it as the server's user, or set TIDEMARK_ALLOW_ROOT=true.");
  }
  log.warning(problem);
}

function refuseStopped(settings: Invocation["settings"]): void {
  if (!isStopped(settings)) return;
  throw new ToolError({
    code: "archive-stopped",
    message: `archiving is stopped by ${settings.text("STOP_FILE")}`,
  });
}

/** Whether nothing may be stored for the time being. */
export function isStopped(settings: Invocation["settings"]): boolean {
  const path = settings.text("STOP_FILE");
  return path !== undefined && existsSync(path);
}
