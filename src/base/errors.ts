/**
 * The one table of error codes: code → exit code, hint and meaning. `docs/exit-codes.md` is
 * generated from it. Ordinary codes stay below 126, so that PostgreSQL's archiver counts a
 * failed `archive_command` and retries.
 */
export const ERROR_TABLE = {
  internal: {
    exitCode: 1,
    meaning: "Anything unclassified: a bug, printed with its stack",
    hint: "This is a fault of the program; report it with the stack.",
  },
  usage: {
    exitCode: 2,
    meaning: "Unknown command, missing argument or contradicting flags",
    hint: "See the help of the command: --help.",
  },
  config: {
    exitCode: 10,
    meaning: "A setting is missing, unknown, malformed or unreadable",
    hint: "The config command shows the settings in effect and where they come from.",
  },
  storage: {
    exitCode: 20,
    meaning: "The storage could not be reached, after retries",
    hint: "Check network, endpoint and free space; the same call may succeed later.",
  },
  "access-denied": {
    exitCode: 21,
    meaning: "The storage refused the credentials or permissions",
    hint: "Check the credentials and that they may list, read, write and delete there.",
  },
  "object-not-found": {
    exitCode: 22,
    meaning: "An object is not in storage",
    hint: "Check the prefix of the storage and the name.",
  },
  "object-exists": {
    exitCode: 23,
    meaning: "Something different is already stored under that name",
    hint: "Another cluster may archive to the same place; give each its own prefix.",
  },
  "corrupt-object": {
    exitCode: 30,
    meaning: "Checksum, size or an unfinished frame",
    hint: "The stored bytes are damaged; use another copy or another backup.",
  },
  "wrong-key": {
    exitCode: 31,
    meaning: "The cipher refuses the first block",
    hint: "Set the key with which the object was stored.",
  },
  "unsupported-format": {
    exitCode: 32,
    meaning: "An object was written in a newer format than this version reads",
    hint: "Read it with the version that wrote it, or a later one.",
  },
  database: {
    exitCode: 40,
    meaning: "The server is unreachable, a query failed or backup mode was lost",
    hint: "Check that the server runs, and the settings of the connection.",
  },
  "invalid-journal": {
    exitCode: 41,
    meaning: "A journal file is truncated, misnamed or of another cluster",
    hint: "Look at the file and at which server calls; nothing was stored.",
  },
  "archive-timeout": {
    exitCode: 42,
    meaning: "A WAL segment that the backup needs did not reach the repository in time",
    hint: "Check archive_mode, archive_command and the server's log.",
  },
  "journal-hole": {
    exitCode: 43,
    meaning: "A journal file is missing although later ones are stored",
    hint: "Recovery cannot pass this point; look for the file on the server or a standby.",
  },
  "archive-stopped": {
    exitCode: 44,
    meaning: "The stop file forbids to write to the repository",
    hint: "The server keeps its WAL meanwhile; remove the stop file to go on.",
  },
  filesystem: {
    exitCode: 45,
    meaning: "A local file or directory cannot be read or written",
    hint: "Check the path, its owner and mode, and the free space.",
  },
  "target-not-empty": {
    exitCode: 46,
    meaning: "The restore target is running or not empty",
    hint: "Stop the server and empty the directory, or restore into another one.",
  },
  "backup-not-found": {
    exitCode: 50,
    meaning: "No backup matches",
    hint: "The backup-list command shows what there is.",
  },
  "broken-chain": {
    exitCode: 51,
    meaning: "An increment whose parent is gone",
    hint: "Restore another backup, and take a new full one.",
  },
  "backup-running": {
    exitCode: 53,
    meaning: "Another backup or restore is running",
    hint: "Wait for the other one to end.",
  },
  "target-unreachable": {
    exitCode: 54,
    meaning: "No backup leads to the recovery target",
    hint: "Choose a later target, an older backup, or the target's own timeline.",
  },
  "journal-not-found": {
    exitCode: 74,
    meaning: "The journal file is in no storage (the code WAL-G documents)",
    hint: "At the end of the archive this is normal.",
  },
  canceled: {
    exitCode: 130,
    meaning: "Interrupted by a signal: 128 and its number (SIGINT 130, SIGTERM 143)",
    hint: "Nothing half-done counts; the same call starts anew.",
  },
} as const satisfies Record<
  string,
  { readonly exitCode: number; readonly meaning: string; readonly hint: string }
>;

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
