import { openSync } from "node:fs";
import { ConfigError, messageOf } from "../base/errors.ts";
import { createLogger, type LogFacts, type Logger, type LogLevel } from "../base/log.ts";
import { writeText } from "./descriptor.ts";
import type { Scrubber } from "./scrubber.ts";

export type LogLabel = LogLevel | "hint";
export type LogFormat = "text" | "json";

const CLEAR_TO_END = "\x1b[K";

/** Writes finished lines; one that cannot be written is dropped: nobody reads there. */
export class LogWriter {
  readonly format: LogFormat;
  readonly descriptor: number;
  readonly #scrub: Scrubber;
  #bar: string | undefined;
  readonly #now: () => Date;
  readonly #zoneOffset: (now: Date) => number;

  constructor(options: {
    readonly format: LogFormat;
    readonly descriptor: number;
    readonly scrub: Scrubber;
    readonly now: () => Date;
    /** Seconds that local time is ahead of UTC. */
    readonly zoneOffset: (now: Date) => number;
  }) {
    this.format = options.format;
    this.descriptor = options.descriptor;
    this.#scrub = options.scrub;
    this.#now = options.now;
    this.#zoneOffset = options.zoneOffset;
  }

  /** Draws a bar in the terminal's last line; other lines go above it. undefined: ends it. */
  bar(text: string | undefined): void {
    this.raw(text === undefined ? "\n" : `\r${text}${CLEAR_TO_END}`);
    this.#bar = text;
  }

  /** Leaves what a bar showed last, for what is said after it. */
  endBar(): void {
    if (this.#bar !== undefined) this.bar(undefined);
  }

  line(label: LogLabel, message: string, facts: LogFacts = {}): void {
    const now = this.#now();
    const text = this.#scrub(message);
    const values = scrubFacts(facts, this.#scrub);
    const line =
      this.format === "json"
        ? jsonLine(now, label, text, values)
        : textLine(now, label, text, values, this.#zoneOffset(now));
    this.raw(this.#bar === undefined ? line : `\r${CLEAR_TO_END}${line}${this.#bar}`);
  }

  raw(text: string): void {
    try {
      writeText(this.descriptor, text);
    } catch {
      // A closed pipe or a full disk must not stop a backup.
    }
  }

  logger(level: LogLevel): Logger {
    return createLogger(level, (label, message, facts) => this.line(label, message, facts));
  }
}

/** `stderr`, or a file that is appended to. */
export function openLogDestination(destination: string, stderr: number): number {
  if (destination === "stderr") return stderr;
  try {
    return openSync(destination, "a", 0o644);
  } catch (error) {
    throw new ConfigError(
      `log destination ${destination} cannot be opened: ${messageOf(error)}`,
      "Set WALG_LOG_DESTINATION to stderr or to a file that can be appended to.",
    );
  }
}

function scrubFacts(facts: LogFacts, scrub: Scrubber): LogFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === "string" ? scrub(value) : value,
    ]),
  );
}

/** WAL-G's form: `INFO: 2026/11/24 10:00:00.123456 message`, in local time. */
export function textLine(
  now: Date,
  label: LogLabel,
  message: string,
  facts: LogFacts,
  offsetSeconds: number,
): string {
  const local = new Date(now.getTime() + offsetSeconds * 1000).toISOString();
  const date = local.slice(0, 10).replaceAll("-", "/");
  const tail = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${value}`)
    .join("");
  return `${label.toUpperCase()}: ${date} ${local.slice(11, 23)}000 ${message}${tail}\n`;
}

export function jsonLine(now: Date, label: LogLabel, message: string, facts: LogFacts): string {
  const values = Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === "bigint" ? value.toString() : value,
    ]),
  );
  return `${JSON.stringify({ time: now.toISOString(), level: label, message, ...values })}\n`;
}
