import type { Clock } from "../base/clock.ts";
import type { DatabaseKind } from "../base/database-kind.ts";
import type { ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Settings } from "../config/settings.ts";
import type { ByteSource } from "../stream/byte-stream.ts";

export interface ArgumentSpec {
  readonly name: string;
  readonly required: boolean;
  /** Of the last one: there may be more of it. */
  readonly isRepeated?: boolean;
}

export interface OptionSpec {
  /** Long name without dashes: `delta-from-name`. */
  readonly name: string;
  readonly short?: string;
  /** `list` accumulates comma-separated values over repetitions. */
  readonly kind: "flag" | "text" | "list";
  readonly summary: string;
  /** The setting that this option overrides, if it has one. */
  readonly setting?: string;
  /** Its absence is a usage error. */
  readonly isRequired?: boolean;
  /** Left out of the help text. */
  readonly isHidden?: boolean;
}

/** Option text as typed: names, LSNs and instants are never turned into numbers. */
export interface OptionValues {
  flag(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
}

/** Who was called: decides defaults, exit codes and the text of `--version`. */
export interface Personality {
  readonly database: DatabaseKind;
  /** Called as `wal-g` or `wal-g-*`: only exit codes 0, 1, 74; lz4 by default. */
  readonly isWalg: boolean;
  readonly programName: string;
}

/** The only writer to stdout. */
export interface Output {
  /** Text as is. */
  write(text: string): void;
  /** Bytes as they are (`st cat`). */
  writeBytes(bytes: Uint8Array): Promise<void>;
}

/** A running operation that may show a bar on a terminal, or plain lines elsewhere. */
export interface Progress {
  /** Adds to what is done, in bytes. */
  advance(bytes: number): void;
  finish(): void;
}

export interface Invocation {
  readonly personality: Personality;
  readonly arguments: readonly string[];
  readonly options: OptionValues;
  readonly settings: Settings;
  readonly log: Logger;
  readonly output: Output;
  /** Stdin: can be read once. */
  readonly input: ByteSource;
  readonly clock: Clock;
  /** Aborted by SIGINT, SIGTERM, SIGHUP and SIGQUIT, with a `CanceledError` as the reason. */
  readonly signal: AbortSignal;
  /**
   * The words that start this program again, before any argument of ours: the executable by its
   * absolute path, and the source file when it is run from source.
   */
  readonly self: readonly string[];
  /** The commands of this database: what help and completion are made of. */
  readonly commands: readonly CommandSpec[];
  /** Keeps secrets that came from elsewhere than the settings out of everything that is logged. */
  conceal(secrets: readonly string[]): void;
  /** totalBytes undefined: no percentage and no ETA. */
  progress(label: string, totalBytes: number | undefined): Progress;
}

export interface CommandModule {
  run(invocation: Invocation): Promise<void>;
  /** A command's own exit code for an error (wal-fetch in archive recovery); else the table's. */
  failureExit?(error: ToolError, invocation: Invocation): number | undefined;
}

export interface Command {
  /** What the user types; words of a group are separated by one space: `st ls`. */
  readonly name: string;
  readonly databases: readonly DatabaseKind[];
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  readonly isHidden?: boolean;
  /** Runs without settings, so that no fault in them can stop it: help, completion. */
  readonly isStandalone?: boolean;
  /** Loaded only when the command runs: start-up pays for nothing else. */
  load(): Promise<CommandModule>;
}

/** A command without its code: what parsing, help and completion need. */
export type CommandSpec = Omit<Command, "load">;
