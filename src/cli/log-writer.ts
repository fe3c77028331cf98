import { openSync } from "node:fs";
import { ConfigError, messageOf } from "../base/errors.ts";
import { createLogger, type LogFacts, type Logger, type LogLevel } from "../base/log.ts";
import { STDERR, writeText } from "./descriptor.ts";
import type { Scrubber } from "./scrubber.ts";

export type LogLabel = LogLevel | "hint";
export type LogFormat = "text" | "json";

/** Writes finished lines; one that cannot be written is dropped: nobody reads there. */
export class LogWriter {
  readonly format: LogFormat;
  readonly #descriptor: number;
  readonly #scrub: Scrubber;
  readonly #now: () => Date;

  constructor(options: {
    readonly format: LogFormat;
    readonly descriptor: number;
    readonly scrub: Scrubber;
    readonly now: () => Date;
  }) {
    this.format = options.format;
    this.#descriptor = options.descriptor;
    this.#scrub = options.scrub;
    this.#now = options.now;
  }

  get isStderr(): boolean {
    return this.#descriptor === STDERR;
  }

  line(label: LogLabel, message: string, facts: LogFacts = {}): void {
    const format = this.format === "json" ? jsonLine : textLine;
    this.raw(format(this.#now(), label, this.#scrub(message), scrubFacts(facts, this.#scrub)));
  }

  raw(text: string): void {
    try {
      writeText(this.#descriptor, text);
    } catch {
      // A closed pipe or a full disk must not stop a backup.
    }
  }

  logger(level: LogLevel): Logger {
    return createLogger(level, (label, message, facts) => this.line(label, message, facts));
  }
}

/** `stderr`, or a file that is appended to. */
export function openLogDestination(destination: string): number {
  if (destination === "stderr") return STDERR;
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
export function textLine(now: Date, label: LogLabel, message: string, facts: LogFacts): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  const micros = `${String(now.getMilliseconds()).padStart(3, "0")}000`;
  const tail = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${value}`)
    .join("");
  return `${label.toUpperCase()}: ${date} ${time}.${micros} ${message}${tail}\n`;
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
