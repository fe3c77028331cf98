import { ToolError, UsageError } from "../../base/errors.ts";
import { type BackupName, parsePostgresBackupName } from "../../catalog/backup-name.ts";
import { formatLsn, type Lsn, parseLsn } from "../../delta/lsn.ts";
import { isAncestor, parseTimelineHistory } from "../../wal/timeline-history.ts";
import type { RecoveryPlan, RecoveryRequest, RecoveryTarget } from "../adapter.ts";
import { formatTargetTime, type InstantMicros, parseTargetTime } from "./recovery-time.ts";
import { decodePostgresSentinel } from "./sentinel-document.ts";

/** Older servers keep recovery settings in a file of their own. */
const VERSION_MIN = 120_000;
/** MAXFNAMELEN of the server, with its closing zero byte. */
const NAME_BYTES_MAX = 63;
const REASONS_MAX = 3;

/** No backup leads to the recovery target; says of each that was looked at why not. */
export class TargetUnreachableError extends ToolError {
  constructor(target: string, reasons: readonly string[]) {
    const more = reasons.length > REASONS_MAX ? `; and ${reasons.length - REASONS_MAX} more` : "";
    super({
      code: "target-unreachable",
      message: `no backup leads to ${target}: ${reasons.slice(0, REASONS_MAX).join("; ")}${more}`,
      hint: "Choose a later target, an earlier backup or another --target-timeline.",
    });
  }
}

/** What the user typed, proven to be what the server understands. */
interface Goal {
  readonly target: RecoveryTarget;
  readonly timeMicros: InstantMicros | undefined;
  readonly lsn: Lsn | undefined;
  /** A number, or undefined for `latest`; `current` follows the backup's own. */
  readonly timeline: number | "current" | "latest";
  /** For messages: `time 2026-… `. */
  readonly title: string;
}

interface Candidate {
  readonly name: BackupName;
  readonly timeline: number;
  readonly startSegment: string;
  readonly finishLsn: Lsn | undefined;
  readonly finishMicros: InstantMicros | undefined;
}

/**
 * Chooses the backup: of those that end before the target the one that ends last, if its first WAL
 * segment is stored and the target's timeline goes through its end. Proven before a byte is
 * copied, since the server finds out only after the restore.
 */
export async function planPostgresRecovery(request: RecoveryRequest): Promise<RecoveryPlan> {
  const goal = parseGoal(request);
  const reasons: string[] = [];
  for (const candidate of await candidatesFor(goal, request)) {
    const fault = lateness(candidate, goal) ?? (await unreachable(candidate, goal, request));
    if (fault === undefined) return planFor(candidate, goal);
    reasons.push(`${candidate.name} ${fault}`);
  }
  if (reasons.length === 0) reasons.push("there is none");
  throw new TargetUnreachableError(goal.title, reasons);
}

function parseGoal({ target, zone }: RecoveryRequest): Goal {
  const { kind, value } = target;
  const timeMicros = kind === "time" ? parseTargetTime(value, zone) : undefined;
  const lsn = kind === "lsn" ? parseLsn(value) : undefined;
  if (kind === "xid" && !isXid(value)) {
    throw new UsageError(`--target-xid ${JSON.stringify(value)} is not a transaction id`);
  }
  const nameBytes = new TextEncoder().encode(value).byteLength;
  if (kind === "name" && (nameBytes === 0 || nameBytes > NAME_BYTES_MAX || /\p{Cc}/u.test(value))) {
    throw new UsageError(
      `--target-name ${JSON.stringify(value)} is not the name of a restore point`,
    );
  }
  oneOf("--target-action", target.action, ["pause", "promote", "shutdown"]);
  oneOf("--target-inclusive", target.inclusive, ["true", "false"]);
  if (/[\0\n\r]/.test(target.restoreCommand)) {
    throw new UsageError("--restore-command has more than one line");
  }
  const title =
    timeMicros === undefined ? `${kind} ${value}` : `time ${formatTargetTime(timeMicros)}`;
  return { target, timeMicros, lsn, timeline: parseTimeline(target.timeline), title: title.trim() };
}

function isXid(text: string): boolean {
  return /^\d{1,20}$/.test(text) && BigInt(text) <= 0xffff_ffff_ffff_ffffn;
}

function oneOf(option: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new UsageError(`${option} ${JSON.stringify(value)} is not one of ${allowed.join(", ")}`);
}

function parseTimeline(text: string | undefined): Goal["timeline"] {
  if (text === undefined || text === "latest") return "latest";
  if (text === "current") return "current";
  const timeline = /^(0x[0-9a-f]{1,8}|[1-9]\d{0,9})$/i.test(text) ? Number(text) : 0;
  if (timeline >= 1 && timeline <= 0xffff_ffff) return timeline;
  throw new UsageError(
    `--target-timeline ${JSON.stringify(text)} is not a timeline`,
    "It is a number, latest or current.",
  );
}

/** The best first: what ends last. */
async function candidatesFor(goal: Goal, request: RecoveryRequest): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  // Newest first, so that equal ends keep that order.
  for (const name of [...request.backups].reverse()) {
    candidates.push(await candidateOf(name, request));
  }
  const { timeMicros, lsn } = goal;
  if (timeMicros !== undefined)
    candidates.sort((a, b) => descending(a.finishMicros, b.finishMicros));
  if (lsn !== undefined) candidates.sort((a, b) => descending(a.finishLsn, b.finishLsn));
  return candidates;
}

function descending(a: bigint | undefined, b: bigint | undefined): number {
  const [left, right] = [a ?? -1n, b ?? -1n];
  if (left === right) return 0;
  return left > right ? -1 : 1;
}

async function candidateOf(name: BackupName, request: RecoveryRequest): Promise<Candidate> {
  const parsed = parsePostgresBackupName(name);
  const facts = decodePostgresSentinel(await request.sentinel(name));
  if (parsed === undefined || facts.pgVersion < VERSION_MIN) {
    throw new UsageError(
      `backup ${name} is not of PostgreSQL 12 or later: recovery targets cannot be written for it`,
      "Restore it without --target options and set up recovery by hand.",
    );
  }
  // Sentinels of release 1 lack it.
  const finishTime = facts.finishTime ?? (await request.metadata(name))?.finishTime;
  return {
    name,
    timeline: parsed.timeline,
    startSegment: parsed.segment,
    finishLsn: facts.finishLsn,
    finishMicros: finishTime === undefined ? undefined : finishTime.ns / 1000n,
  };
}

/** Why the backup ends too late for the target. */
function lateness(candidate: Candidate, { timeMicros, lsn }: Goal): string | undefined {
  const { finishMicros, finishLsn } = candidate;
  if (timeMicros !== undefined) {
    if (finishMicros === undefined) return "does not say when it ended";
    if (finishMicros > timeMicros) return `ended at ${formatTargetTime(finishMicros)}`;
  }
  if (lsn !== undefined) {
    if (finishLsn === undefined) return "does not say where it ended";
    if (finishLsn > lsn) return `ended at ${formatLsn(finishLsn)}`;
  }
  return undefined;
}

/** Why the server could not get from the backup's end to the target. */
async function unreachable(
  candidate: Candidate,
  goal: Goal,
  { journal, signal }: RecoveryRequest,
): Promise<string | undefined> {
  const { timeline, startSegment, finishLsn } = candidate;
  if (!(await journal.contains(startSegment, signal))) {
    return `starts in WAL segment ${startSegment}, which is not stored`;
  }
  let wanted = timeline;
  if (typeof goal.timeline === "number") wanted = goal.timeline;
  // The server looks for the newest one in the same way (findNewestTimeLine in timeline.c).
  else if (goal.timeline === "latest") {
    while (await journal.contains(historyName(wanted + 1), signal)) wanted += 1;
  }
  if (wanted === timeline) return undefined;
  const name = historyName(wanted);
  const bytes = await journal.read(name, signal);
  if (bytes === undefined) return `is on timeline ${timeline}, and ${name} is not stored`;
  const history = parseTimelineHistory(new TextDecoder().decode(bytes), { timeline: wanted, name });
  const end = finishLsn;
  if (end !== undefined && isAncestor(history, timeline, end)) return undefined;
  return `is on timeline ${timeline}, which timeline ${wanted} does not go through`;
}

function historyName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, "0")}.history`;
}

function planFor(candidate: Candidate, goal: Goal): RecoveryPlan {
  const { target, timeMicros } = goal;
  const notes: string[] = [];
  if (timeMicros !== undefined) notes.push(`the target time is ${formatTargetTime(timeMicros)}`);
  if (target.kind === "xid" || target.kind === "name") {
    const what = `${target.kind} ${target.value}`;
    notes.push(`only the server can tell whether ${candidate.name} ends before ${what}`);
  }
  return { backup: candidate.name, notes, settings: settingsFor(goal) };
}

/** Every recovery setting, so that none of the source's stays in force. */
function settingsFor({ target, timeMicros }: Goal): ReadonlyMap<string, string> {
  const targets: Readonly<Record<RecoveryTarget["kind"], readonly [string, string]>> = {
    immediate: ["recovery_target", "immediate"],
    time: ["recovery_target_time", timeMicros === undefined ? "" : formatTargetTime(timeMicros)],
    lsn: ["recovery_target_lsn", target.value],
    xid: ["recovery_target_xid", target.value],
    name: ["recovery_target_name", target.value],
  };
  const settings = new Map([
    ["restore_command", target.restoreCommand],
    ["recovery_end_command", ""],
    ["archive_cleanup_command", ""],
    ["recovery_min_apply_delay", "0"],
    ["recovery_target_inclusive", target.inclusive ?? "true"],
    ["recovery_target_timeline", target.timeline ?? "latest"],
    ["recovery_target_action", target.action ?? "pause"],
  ]);
  // The server takes them in this order, and refuses to empty one after another was set.
  for (const [name] of Object.values(targets)) settings.set(name, "");
  const [chosen, value] = targets[target.kind];
  settings.delete(chosen);
  return settings.set(chosen, value);
}
