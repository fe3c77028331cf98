/** What is known of whether a storage works, from checks and from the requests that it got. */
export interface Aliveness {
  readonly isAlive: boolean;
  /** Moving average of how much of the work succeeded: 0 to 1. */
  readonly average: number;
  /** When that was found out, in milliseconds since 1970. */
  readonly updatedMs: number;
}

/** Weights of what one run did; requests count by what they move. */
export interface WorkDone {
  readonly attempted: number;
  readonly succeeded: number;
}

export interface AverageRules {
  /** A dead storage is alive again from this average on. */
  readonly aliveLimit: number;
  /** A living one is dead below this average. */
  readonly deadLimit: number;
  /** Weight of one run in the average, while alive and while dead. */
  readonly whileAlive: { readonly min: number; readonly max: number };
  readonly whileDead: { readonly min: number; readonly max: number };
}

/** A check is believed as a whole: what was before counts no more. */
export function checked(isAlive: boolean, nowMs: number): Aliveness {
  return { isAlive, average: isAlive ? 1 : 0, updatedMs: nowMs };
}

/**
 * The average after a run. As by WAL-G, between the two limits a storage stays what it was, and a
 * run weighs more the closer the average is to the limit at which that would change.
 */
export function averaged(
  before: Aliveness,
  run: { readonly work: WorkDone; readonly nowMs: number },
  rules: AverageRules,
): Aliveness {
  const { work, nowMs } = run;
  if (work.attempted <= 0) return before;
  const weight = before.isAlive ? weightWhileAlive(before, rules) : weightWhileDead(before, rules);
  const average = before.average + weight * (work.succeeded / work.attempted - before.average);
  const limit = before.isAlive ? rules.deadLimit : rules.aliveLimit;
  return { isAlive: average >= limit, average, updatedMs: nowMs };
}

function weightWhileAlive({ average }: Aliveness, rules: AverageRules): number {
  const { min, max } = rules.whileAlive;
  return between(max, min, part(average, rules.deadLimit, 1));
}

function weightWhileDead({ average }: Aliveness, rules: AverageRules): number {
  const { min, max } = rules.whileDead;
  return between(min, max, part(average, 0, rules.aliveLimit));
}

/** Where a value lies between two others, from 0 to 1. */
function part(value: number, from: number, to: number): number {
  return to <= from ? 1 : Math.min(1, Math.max(0, (value - from) / (to - from)));
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
