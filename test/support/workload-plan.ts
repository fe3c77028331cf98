import { POSTGRES_VERSIONS, type PostgresVersion } from "./postgres-install.ts";
import { seededRandom } from "./random.ts";

/** What happens to the server while the sessions work, between the full and the delta. */
export type WorkloadEvent =
  /** Nothing but statements. */
  | "none"
  /** SIGKILL to every process, then crash recovery. */
  | "kill"
  /** Stopped with SIGQUIT, then crash recovery. */
  | "immediate"
  | "restart"
  /** Restarted as a standby and promoted where it is: another timeline. */
  | "promote"
  /** A standby that followed from before the full takes over; the old primary is killed. */
  | "failover"
  /** As that, then both go on apart, and pg_rewind brings the old one back, which is promoted. */
  | "rewind"
  /** The last backup is restored up to a restore point, and takes over on its own timeline. */
  | "point-in-time"
  /** The counter of OIDs is set back: new relations get the files' names of dropped ones. */
  | "oid-wraparound"
  /** Changed files get the time stamps that they had before. */
  | "old-mtimes";

export interface WorkloadPlan {
  readonly seed: number;
  readonly version: PostgresVersion;
  readonly checksums: boolean;
  readonly walLogHints: boolean;
  readonly walSegmentMiB: 1 | 4 | 16;
  readonly sessions: number;
  /** Statements of each session in a phase. */
  readonly statements: number;
  readonly events: readonly WorkloadEvent[];
  /** So many segments before the deltas that recorded maps (of 16 each) are complete. */
  readonly fillsMaps: boolean;
  /** The delta on a delta as well, before it all is recovered. */
  readonly isLongChain: boolean;
}

/** What makes the server log hint bits. */
export type HintLogging = "checksums" | "wal_log_hints" | "none";

export interface PlanOptions {
  readonly version?: PostgresVersion;
  readonly events?: readonly WorkloadEvent[];
  readonly hints?: HintLogging;
  readonly fillsMaps?: boolean;
  /** Full backups in the place of deltas: shows that the oracle raises no false alarm. */
  readonly isControl?: boolean;
}

/** Those with WAL summaries, and the one with every tool, come more often. */
const VERSIONS: readonly PostgresVersion[] = [...POSTGRES_VERSIONS, "15", "17", "17", "18"];

const EVENTS: readonly WorkloadEvent[] = [
  "none",
  "none",
  "kill",
  "kill",
  "immediate",
  "restart",
  "promote",
  "failover",
  "rewind",
  "point-in-time",
  "oid-wraparound",
  "oid-wraparound",
  "old-mtimes",
];

/** Everything about a run that its seed decides; what the options name is not drawn. */
export function planOf(seed: number, options: PlanOptions = {}): WorkloadPlan {
  const random = seededRandom(seed);
  const version = random.pick(VERSIONS);
  const hints = random.pick(["checksums", "wal_log_hints", "none"] as const);
  const sizes = {
    walSegmentMiB: random.pick([1, 1, 4, 16] as const),
    sessions: 2 + random.below(3),
    statements: 6 + random.below(10),
    isLongChain: random.below(2) === 0,
  };
  const drawn = Array.from({ length: 1 + random.below(2) }, () => random.pick(EVENTS));
  const fillsMaps = sizes.walSegmentMiB === 1 && random.below(2) === 0;
  const events = possibleEvents(options.events ?? drawn);
  // pg_rewind is Debian's, and wants hint bits logged.
  const rewinds = events.includes("rewind");
  const loggedHints = rewinds && hints === "none" ? "wal_log_hints" : hints;
  const chosen = options.hints ?? loggedHints;
  return {
    seed,
    version: options.version ?? (rewinds ? "15" : version),
    checksums: chosen === "checksums",
    walLogHints: chosen === "wal_log_hints",
    ...sizes,
    fillsMaps: options.fillsMaps ?? fillsMaps,
    events,
  };
}

/**
 * A standby is made once, at the beginning: who took over has none, and a restored directory is
 * nobody whom it could follow.
 */
function possibleEvents(events: readonly WorkloadEvent[]): readonly WorkloadEvent[] {
  const first = events.findIndex((event) => needsStandby(event) || event === "point-in-time");
  return events.map((event, index) => (needsStandby(event) && index !== first ? "promote" : event));
}

export function needsStandby(event: WorkloadEvent): boolean {
  return event === "failover" || event === "rewind";
}

export function describePlan(plan: WorkloadPlan): string {
  const hints = plan.checksums
    ? "checksums"
    : plan.walLogHints
      ? "wal_log_hints"
      : "no hints logged";
  return (
    `seed ${plan.seed}: PostgreSQL ${plan.version}, ${hints}, ` +
    `${plan.walSegmentMiB} MiB segments, ${plan.sessions} sessions × ${plan.statements}, ` +
    `${plan.events.join(" + ")}${plan.fillsMaps ? ", full maps" : ""}` +
    `${plan.isLongChain ? ", long chain" : ""}`
  );
}
