import type { Clock } from "../base/clock.ts";
import type { Logger, LogLevel } from "../base/log.ts";
import type { Progress } from "../command/command.ts";
import type { EffectiveSettings } from "../config/effective-settings.ts";
import { LogWriter, openLogDestination } from "./log-writer.ts";
import { isTerminal, SILENT_PROGRESS, startProgress } from "./progress.ts";
import { createScrubber, type Scrubber } from "./scrubber.ts";
import { createZoneOffset } from "./zone-offset.ts";

export interface LogSurroundings {
  readonly clock: Clock;
  /** The TZ variable. */
  readonly zone: string | undefined;
  readonly isJson: boolean;
  /** Descriptor of stderr. */
  readonly stderr: number;
}

/** Where and how this run logs. Starts plain on stderr; settings and flags refine it. */
export class RunLog {
  readonly #clock: Clock;
  readonly isJson: boolean;
  readonly level: LogLevel;
  readonly scrub: Scrubber = (text) => this.#scrubber(text);
  #secrets: readonly string[];
  #scrubber: Scrubber;
  /** Of the log; `stderr` may be another. */
  readonly writer: LogWriter;
  readonly stderr: number;
  readonly logger: Logger;

  constructor(options: {
    readonly clock: Clock;
    readonly zone: string | undefined;
    readonly isJson: boolean;
    readonly level: LogLevel;
    readonly secrets: readonly string[];
    readonly stderr: number;
    readonly descriptor: number;
  }) {
    const { clock, isJson, level, descriptor } = options;
    this.#clock = clock;
    this.isJson = isJson;
    this.stderr = options.stderr;
    this.level = level;
    this.#secrets = options.secrets;
    this.#scrubber = createScrubber(options.secrets);
    this.writer = new LogWriter({
      format: isJson ? "json" : "text",
      descriptor,
      scrub: this.scrub,
      now: () => clock.now(),
      zoneOffset: createZoneOffset(options.zone),
    });
    this.logger = this.writer.logger(level);
  }

  /** Before the settings are known: on stderr, and without secrets to take out. */
  static plain(around: LogSurroundings): RunLog {
    return new RunLog({ ...around, level: "info", secrets: [], descriptor: around.stderr });
  }

  static of(
    settings: EffectiveSettings,
    options: LogSurroundings & { readonly isQuiet: boolean },
  ): RunLog {
    const isJson = options.isJson || settings.text("LOG_FORMAT") === "json";
    const level = levelOf(settings.text("LOG_LEVEL"), options.isQuiet);
    const secrets = settings.secrets();
    const descriptor = openLogDestination(
      settings.text("LOG_DESTINATION") ?? "stderr",
      options.stderr,
    );
    return new RunLog({ ...options, isJson, level, secrets, descriptor });
  }

  /** Takes these out as well, from now on. */
  conceal(secrets: readonly string[]): void {
    this.#secrets = [...this.#secrets, ...secrets];
    this.#scrubber = createScrubber(this.#secrets);
  }

  get isOnStderr(): boolean {
    return this.writer.descriptor === this.stderr;
  }

  /** A bar on a terminal, lines elsewhere, nothing when only errors and warnings are wanted. */
  progress(label: string, totalBytes: number | undefined): Progress {
    if (this.level === "error" || this.level === "warning") return SILENT_PROGRESS;
    const showsBar = !this.isJson && this.isOnStderr && isTerminal(this.stderr);
    return startProgress({
      label,
      totalBytes,
      clock: this.#clock,
      writer: this.writer,
      isTerminal: showsBar,
    });
  }
}

function levelOf(walgLevel: string | undefined, isQuiet: boolean): LogLevel {
  if (walgLevel === "ERROR") return "error";
  if (isQuiet) return "warning";
  return walgLevel === "DEVEL" ? "debug" : "info";
}
