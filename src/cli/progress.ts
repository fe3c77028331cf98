import type { Clock } from "../base/clock.ts";
import type { Progress } from "../command/command.ts";
import type { LogWriter } from "./log-writer.ts";

const BAR_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 10_000;
const BAR_CELLS = 16;
/** A line that wraps could not be drawn over. */
const BAR_COLUMNS_MAX = 79;

export interface ProgressOptions {
  readonly label: string;
  readonly totalBytes: number | undefined;
  readonly clock: Clock;
  readonly writer: LogWriter;
  /** A bar that overwrites itself, or lines now and then. */
  readonly isTerminal: boolean;
}

export const SILENT_PROGRESS: Progress = { advance: () => {}, finish: () => {} };

export function isTerminal(descriptor: number): boolean {
  // Not imported: the module costs every start, and few commands show a bar.
  return process.getBuiltinModule("node:tty").isatty(descriptor);
}

/** What is done, how fast, and how long it will take. No timer: it shows when bytes arrive. */
export function startProgress(options: ProgressOptions): Progress {
  const { clock, writer, isTerminal } = options;
  const startedMs = clock.monotonicMs();
  const intervalMs = isTerminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
  let shownMs = startedMs;
  let doneBytes = 0;
  const show = (nowMs: number) => {
    shownMs = nowMs;
    const state = { ...options, doneBytes, elapsedMs: nowMs - startedMs };
    if (isTerminal) writer.bar(barText(state).slice(0, BAR_COLUMNS_MAX));
    else writer.line("info", lineText(state));
  };
  return {
    advance(bytes) {
      doneBytes += bytes;
      const nowMs = clock.monotonicMs();
      if (nowMs - shownMs >= intervalMs) show(nowMs);
    },
    finish() {
      show(clock.monotonicMs());
      if (isTerminal) writer.bar(undefined);
    },
  };
}

export interface ProgressState {
  readonly label: string;
  readonly totalBytes: number | undefined;
  readonly doneBytes: number;
  readonly elapsedMs: number;
}

/** `backup-push [######----------]  42% 1.3 GiB of 3.1 GiB, 410.0 MiB/s, 4s left`. */
export function barText(state: ProgressState): string {
  const part = fraction(state);
  if (part === undefined) return lineText(state);
  const full = Math.floor(part * BAR_CELLS);
  const bar = `${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}`;
  return `${state.label} [${bar}] ${amounts(state)}`;
}

export function lineText(state: ProgressState): string {
  return `${state.label}: ${amounts(state)}`;
}

function amounts(state: ProgressState): string {
  const bytesPerSecond = state.elapsedMs > 0 ? (state.doneBytes * 1000) / state.elapsedMs : 0;
  const rate = `${formatBytes(bytesPerSecond)}/s`;
  const part = fraction(state);
  const totalBytes = totalOf(state);
  if (part === undefined || totalBytes === undefined) {
    return `${formatBytes(state.doneBytes)}, ${rate}`;
  }
  const percent = `${String(Math.floor(part * 100)).padStart(3)}%`;
  const leftBytes = totalBytes - state.doneBytes;
  const left = bytesPerSecond > 0 ? `, ${formatSeconds(leftBytes / bytesPerSecond)} left` : "";
  const of = `${formatBytes(state.doneBytes)} of ${formatBytes(totalBytes)}`;
  return `${percent} ${of}, ${rate}${left}`;
}

/** The total is an estimate: files grow while they are read, and what is done counts as well. */
function totalOf({ doneBytes, totalBytes }: ProgressState): number | undefined {
  return totalBytes === undefined ? undefined : Math.max(doneBytes, totalBytes);
}

function fraction(state: ProgressState): number | undefined {
  const totalBytes = totalOf(state);
  return totalBytes === undefined || totalBytes <= 0 ? undefined : state.doneBytes / totalBytes;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return `${hours}h${minutes}m`;
  return minutes > 0 ? `${minutes}m${whole % 60}s` : `${whole}s`;
}
