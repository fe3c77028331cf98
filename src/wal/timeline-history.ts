import { type Lsn, toLsn } from "../delta/lsn.ts";
import { InvalidJournalError } from "./errors.ts";

/**
 * One line of a `.history` file: the timeline that was left, and where. The file of timeline N
 * lists all its ancestors, oldest first (src/backend/access/transam/timeline.c).
 */
export interface TimelineSwitch {
  readonly timeline: number;
  /** WAL before it belongs to `timeline`, WAL from it on to the next one. */
  readonly switchLsn: Lsn;
  readonly reason: string;
}

export interface TimelineHistory {
  readonly timeline: number;
  readonly ancestors: readonly TimelineSwitch[];
}

const LINE = /^\s*([0-9]{1,10})\s+([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})(?:\s+(.*?))?\s*$/;

/** Text of `<timeline>.history`; `name` is for errors. Strict, where the server only warns. */
export function parseTimelineHistory(
  text: string,
  facts: { readonly timeline: number; readonly name: string },
): TimelineHistory {
  const ancestors: TimelineSwitch[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = LINE.exec(line);
    if (match === null) {
      throw new InvalidJournalError(facts.name, `not a history line: ${JSON.stringify(line)}`);
    }
    const entry = {
      timeline: Number(match[1]),
      switchLsn: toLsn((BigInt(`0x${match[2]}`) << 32n) | BigInt(`0x${match[3]}`)),
      reason: match[4] ?? "",
    };
    checkOrder(entry, ancestors.at(-1), facts);
    ancestors.push(entry);
  }
  if (ancestors.length === 0) {
    throw new InvalidJournalError(facts.name, "names no parent timeline");
  }
  return { timeline: facts.timeline, ancestors };
}

/** Where `timeline` was left; undefined for the history's own, an error for a stranger. */
export function switchPointOf(history: TimelineHistory, timeline: number): Lsn | undefined {
  if (timeline === history.timeline) return undefined;
  const entry = history.ancestors.find((ancestor) => ancestor.timeline === timeline);
  if (entry === undefined) {
    throw new RangeError(`timeline ${timeline} is no ancestor of ${history.timeline}`);
  }
  return entry.switchLsn;
}

/** Whether the WAL of `timeline` at `lsn` lies on the way to the history's own timeline. */
export function isAncestor(history: TimelineHistory, timeline: number, lsn: Lsn): boolean {
  if (timeline === history.timeline) return true;
  const entry = history.ancestors.find((ancestor) => ancestor.timeline === timeline);
  return entry !== undefined && lsn <= entry.switchLsn;
}

function checkOrder(
  entry: TimelineSwitch,
  before: TimelineSwitch | undefined,
  facts: { readonly timeline: number; readonly name: string },
): void {
  const { timeline, switchLsn } = entry;
  if (timeline < 1 || timeline >= facts.timeline) {
    throw new InvalidJournalError(facts.name, `timeline ${timeline} cannot be an ancestor`);
  }
  if (before === undefined) return;
  if (timeline <= before.timeline || switchLsn < before.switchLsn) {
    throw new InvalidJournalError(facts.name, `timeline ${timeline} is out of order`);
  }
}
