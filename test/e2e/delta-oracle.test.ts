// Proves that no finder of changed pages loses one, with the binary and real servers: sessions
// with seeded statements work through what happens to servers, and the chains that each finder
// made come back as the same pages. `bun run soak --oracle` runs many more seeds.
import { expect, test } from "vitest";
import { runOracle } from "../support/delta-oracle.ts";
import { describePlan, type PlanOptions, planOf } from "../support/workload-plan.ts";

const RUNS: readonly (readonly [seed: number, options: PlanOptions])[] = [
  [11, { version: "15", events: ["kill", "rewind"], hints: "checksums" }],
  [
    23,
    { version: "17", events: ["promote", "oid-wraparound", "old-mtimes"], hints: "wal_log_hints" },
  ],
  [42, { version: "18", events: ["immediate"], hints: "none", fillsMaps: true }],
  [57, { version: "13", events: ["failover"] }],
];

test.each(
  RUNS.map(([seed, options]) => [describePlan(planOf(seed, options)), seed, options] as const),
)("%s: no page is lost", async (_name, seed, options) => {
  const { plan, deltas, changedPages } = await runOracle(seed, options);
  expect(changedPages).toBeGreaterThan(50);
  // The WAL of a primary that was lost may not be in the archive: then the pages are looked at.
  const mayLookInstead = plan.events.includes("failover") ? "page-scan" : undefined;
  for (const { wanted, used } of deltas) expect([wanted, mayLookInstead]).toContain(used);
  if (plan.fillsMaps) expect(deltas.some(({ maps }) => maps > 0)).toBe(true);
});
