/**
 * The one table of error codes: code → exit code, hint and meaning. `docs/exit-codes.md` is
 * generated from it. Ordinary codes stay below 126, so that PostgreSQL's archiver counts a
 * failed `archive_command` and retries.
 */
export const ERROR_TABLE = {
  internal: { exitCode: 1, meaning: "Anything unclassified: a bug, printed with its stack" },
  usage: { exitCode: 2, meaning: "Unknown command, missing argument or contradicting flags" },
  "check-failed": { exitCode: 3, meaning: "A check ran and found faults" },
  config: { exitCode: 10, meaning: "A setting is missing, unknown, malformed or unreadable" },
  storage: { exitCode: 20, meaning: "The storage could not be reached, after retries" },
  "access-denied": { exitCode: 21, meaning: "The storage refused the credentials or permissions" },
  "object-not-found": { exitCode: 22, meaning: "An object is not in storage" },
  "object-exists": {
    exitCode: 23,
    meaning: "Something different is already stored under that name",
  },
  "corrupt-object": { exitCode: 30, meaning: "Checksum, size or an unfinished frame" },
  "wrong-key": { exitCode: 31, meaning: "The cipher refuses the first block" },
  "unsupported-format": {
    exitCode: 32,
    meaning: "An object was written in a newer format than this version reads",
  },
  database: {
    exitCode: 40,
    meaning: "The server is unreachable, a query failed or backup mode was lost",
  },
  "invalid-journal": {
    exitCode: 41,
    meaning: "A journal file is truncated, misnamed or of another cluster",
  },
  "archive-timeout": {
    exitCode: 42,
    meaning: "A WAL segment that the backup needs did not reach the repository in time",
  },
  "journal-hole": {
    exitCode: 43,
    meaning: "A journal file is missing although later ones are stored",
  },
  filesystem: { exitCode: 45, meaning: "A local file or directory cannot be read or written" },
  "target-not-empty": { exitCode: 46, meaning: "The restore target is running or not empty" },
  "backup-not-found": { exitCode: 50, meaning: "No backup matches" },
  "broken-chain": { exitCode: 51, meaning: "An increment whose parent is gone" },
  "backup-protected": { exitCode: 52, meaning: "A permanent backup, and force was not given" },
  "backup-running": { exitCode: 53, meaning: "Another backup or restore is running" },
  "target-unreachable": { exitCode: 54, meaning: "No backup leads to the recovery target" },
  "journal-not-found": {
    exitCode: 74,
    meaning: "The journal file is in no storage (the code WAL-G documents)",
  },
  canceled: { exitCode: 130, meaning: "Interrupted by a signal (SIGTERM: 143)" },
} as const satisfies Record<string, { readonly exitCode: number; readonly meaning: string }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ToolErrorOptions {
  readonly code: ErrorCode;
  /** Lower case, no full stop; says what failed and on what object. Never holds a secret. */
  readonly message: string;
  /** A sentence: what the user can do. */
  readonly hint?: string | undefined;
  /** Whether the same call may succeed later; only the retrying storage wrapper acts on it. */
  readonly isTransient?: boolean;
  readonly cause?: unknown;
}

/** Base of every error that is meant for the user. Subclasses carry facts as fields. */
export class ToolError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly isTransient: boolean;

  constructor(options: ToolErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.hint = options.hint;
    this.isTransient = options.isTransient ?? false;
  }
}

/** Bytes that are not what they were when stored: raised by codecs, ciphers and readers. */
export class CorruptObjectError extends ToolError {
  constructor(what: string, detail: string, options: { hint?: string; cause?: unknown } = {}) {
    super({
      code: "corrupt-object",
      message: `${what}: ${detail}`,
      hint: options.hint ?? "The stored bytes are damaged; use another copy or another backup.",
      cause: options.cause,
    });
  }
}

/** Contradicting or missing command-line input. */
export class UsageError extends ToolError {
  constructor(message: string, hint?: string) {
    super({ code: "usage", message, hint });
  }
}

/** A setting that is missing, unknown or malformed. */
export class ConfigError extends ToolError {
  constructor(message: string, hint?: string) {
    super({ code: "config", message, hint });
  }
}

const SIGNAL_NUMBER = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGPIPE: 13, SIGTERM: 15 } as const;
export type StopSignal = keyof typeof SIGNAL_NUMBER;

/** The user or the system asked to stop. The reason of the abort signal that commands get. */
export class CanceledError extends ToolError {
  readonly signalName: StopSignal;
  /** What a shell reports for the signal: 130, 143, … */
  readonly exitCode: number;
  constructor(signalName: StopSignal) {
    super({ code: "canceled", message: `interrupted by ${signalName}` });
    this.signalName = signalName;
    this.exitCode = 128 + SIGNAL_NUMBER[signalName];
  }
}

/** A local file or directory that cannot be read or written; `path` is part of the message. */
export class FilesystemError extends ToolError {
  readonly path: string;
  constructor(path: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super({ code: "filesystem", message: `${path}: ${message}`, ...options });
    this.path = path;
  }
}

/** The errno name (`ENOENT`, `ECONNRESET`, …) of an error of the runtime, if it has one. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error === "object" && error !== null && "code" in error) {
    return typeof error.code === "string" ? error.code : undefined;
  }
  return undefined;
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
