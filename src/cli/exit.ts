import { CanceledError, ERROR_TABLE, ToolError } from "../base/errors.ts";
import type { CommandModule, Invocation } from "../command/command.ts";
import { writeText } from "./descriptor.ts";
import type { RunLog } from "./run-log.ts";

/** What is known of the run when it fails. */
export interface FailureContext {
  readonly isWalg: boolean;
  /** Also for failures before the command ran, once it is known which one was meant. */
  readonly command: { readonly module: CommandModule; readonly invocation: Invocation } | undefined;
}

/** Whatever was thrown, as one of our errors; what is none of ours is a bug. */
export function toToolError(error: unknown, signal: AbortSignal): ToolError {
  if (error instanceof ToolError) return error;
  if (signal.aborted && signal.reason instanceof CanceledError && isAbort(error, signal)) {
    return signal.reason;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ToolError({ code: "internal", message: `unexpected: ${message}`, cause: error });
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}

/**
 * The exit code: the command's own rule first (wal-fetch in archive recovery must not look like
 * an absent segment), then what WAL-G uses when called by its name, then the table.
 */
export function exitCodeOf(error: ToolError, context: FailureContext): number {
  const { command } = context;
  const own = command?.module.failureExit?.(error, command.invocation);
  if (own !== undefined) return own;
  if (context.isWalg) return error.code === "journal-not-found" ? 74 : 1;
  return error instanceof CanceledError ? error.exitCode : ERROR_TABLE[error.code].exitCode;
}

/** The hint of the error itself, or the one that goes for all errors of its code. */
export function hintOf(error: ToolError): string {
  return error.hint ?? ERROR_TABLE[error.code].hint;
}

/** Prints an error: a user's mistake as message and hint, a bug with its stack. */
export function reportError(error: ToolError, exitCode: number, log: RunLog): void {
  if (error instanceof CanceledError && error.signalName === "SIGPIPE") return;
  const { writer, scrub, isJson, isOnStderr } = log;
  const hint = hintOf(error);
  writer.endBar();
  if (!isJson || !isOnStderr) {
    writer.line("error", error.message);
    writer.line("hint", hint);
  }
  if (error.code === "internal" || log.level === "debug") {
    if (isJson) writer.line("debug", stackOf(error));
    else writer.raw(scrub(`${stackOf(error)}\n`));
  }
  if (isJson) {
    const { code } = error;
    const shown = { code, exitCode, message: scrub(error.message), hint: scrub(hint) };
    writeStderr(log, `${JSON.stringify({ error: shown })}\n`);
  } else if (!isOnStderr) {
    writeStderr(log, scrub(`${error.message}\n`));
  }
}

/** A mistake in the words, as WAL-G's command-line library prints it: its users' tests look so. */
export function reportUsage(error: ToolError, usage: string, log: RunLog): void {
  const text = `Error: ${error.message}\nUsage:\n  ${usage}\n${hintOf(error)}\n`;
  if (!log.isOnStderr) log.writer.line("error", error.message);
  writeStderr(log, log.scrub(text));
}

function stackOf(error: ToolError): string {
  const parts: string[] = [];
  let current: unknown = error.code === "internal" && error.cause ? error.cause : error;
  for (let depth = 0; depth < 8 && current !== undefined && current !== null; depth++) {
    const text = current instanceof Error ? (current.stack ?? current.message) : String(current);
    parts.push(depth === 0 ? text : `caused by ${text}`);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join("\n");
}

function writeStderr(log: RunLog, text: string): void {
  try {
    writeText(log.stderr, text);
  } catch {
    // Nobody reads there; the exit code still tells.
  }
}
