import { existsSync } from "node:fs";
import type { OracleOutcome } from "../test/support/delta-oracle.ts";

export interface OracleSoak {
  readonly seeds: number;
  readonly firstSeed: number;
  /** Seeds at the same time. */
  readonly jobs: number;
}

/** Memory that looks like a disk: what fsync costs would be most of a run. */
const MEMORY_DIR = "/dev/shm";

/**
 * Runs the oracle with many seeds, one line for each; how many failed. A seed that failed is run
 * again by `--oracle --seeds 1 --from SEED`.
 */
export async function soakOracle({ seeds, firstSeed, jobs }: OracleSoak): Promise<number> {
  if (process.env["TMPDIR"] === undefined && existsSync(MEMORY_DIR)) {
    process.env["TMPDIR"] = MEMORY_DIR;
  }
  const { runOracle } = await import("../test/support/delta-oracle.ts");
  const summary = new Summary();
  let next = firstSeed;
  const work = async () => {
    while (next < firstSeed + seeds) {
      const seed = next;
      next += 1;
      const startedAt = performance.now();
      const outcome = await runOracle(seed).catch((error: unknown) => String(error));
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      if (typeof outcome === "string") console.log(`FAIL ${outcome}\n     (${seconds} s)`);
      else console.log(`ok   ${lineOf(outcome)} (${seconds} s)`);
      summary.add(outcome);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  console.log(summary.text());
  return summary.failed;
}

function lineOf({ plan, deltas, statements, changedPages }: OracleOutcome): string {
  const finders = deltas.map(({ wanted, used }) => (wanted === used ? used : `${wanted}→${used}`));
  const hints = plan.checksums ? "sums" : plan.walLogHints ? "hints" : "plain";
  return (
    `${plan.seed} ${plan.version} ${hints} ${plan.events.join("+")}: ` +
    `${statements} statements, ${changedPages} pages; ${finders.join(" ")}`
  );
}

/** What the seeds were, all together. */
class Summary {
  readonly #counts = new Map<string, number>();
  passed = 0;
  failed = 0;

  add(outcome: OracleOutcome | string): void {
    if (typeof outcome === "string") {
      this.failed += 1;
      return;
    }
    this.passed += 1;
    const { plan, deltas, statements, changedPages, comparedPages } = outcome;
    this.#count(`PostgreSQL ${plan.version}`, 1);
    for (const event of plan.events) this.#count(`event ${event}`, 1);
    for (const { wanted, used, maps } of deltas) {
      this.#count("recorded maps read", maps);
      this.#count(wanted === used ? `delta by ${used}` : `delta by ${wanted}, done by ${used}`, 1);
    }
    this.#count("statements", statements);
    this.#count("pages changed", changedPages);
    this.#count("pages compared", comparedPages);
  }

  text(): string {
    const lines = [...this.#counts].sort().map(([what, count]) => `     ${what}: ${count}`);
    return [`${this.passed + this.failed} seeds`, ...lines].join("\n");
  }

  #count(what: string, more: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + more);
  }
}
