import { join } from "node:path";
import { mustRunAsServer } from "../support/run-as.ts";
import type { BenchCluster } from "./bench-cluster.ts";
import type { DeltaClusters } from "./delta.bench.ts";
import { alternate, type Contestant, type Measure, measure } from "./measure.ts";
import type { BenchTable } from "./report.ts";

const FULL = "full backup of the same size";
const CHAIN = "full and three increments";
const DELTA = "over a directory with 1 % of the pages changed";

/** Restores: of a chain of four, and over a directory that differs in a hundredth of its pages. */
export async function benchChain(clusters: DeltaClusters, rounds: number): Promise<BenchTable> {
  const bench = clusters.old;
  await push(bench, "chain", {});
  for (let step = 0; step < 3; step += 1) {
    await clusters.change(100);
    await push(bench, "chain", { TIDEMARK_DELTA_MAX_STEPS: "9" });
  }
  await push(bench, "full", {});
  const old = join(bench.emptyFolder("old"), "data");
  await fetch(bench, "full", old);
  await clusters.change(100);
  await push(bench, "later", {});
  const contestants: readonly Contestant[] = [
    clean(FULL, bench, "full"),
    clean(CHAIN, bench, "chain"),
    overOld(bench, old),
  ];
  return {
    title: "Restore of a chain, and over an older state",
    note:
      "The cluster above on PostgreSQL 15: a full backup with three increments of 1 % of the " +
      "pages each, a full backup of the same state, and a directory that was restored from it, " +
      "brought to a full backup of after 1 % more of the pages changed.",
    results: await alternate(contestants, rounds),
    reference: FULL,
    goals: [
      { contestant: CHAIN, figure: "wall", max: 1.2 },
      { contestant: DELTA, figure: "wall", max: 0.25 },
      { contestant: CHAIN, figure: "rss", max: 110 },
      { contestant: DELTA, figure: "rss", max: 110 },
    ],
  };
}

function clean(name: string, bench: BenchCluster, repository: string): Contestant {
  let target = "";
  return {
    name,
    prepare: async () => {
      target = bench.newTarget();
    },
    run: () => fetch(bench, repository, target),
  };
}

function overOld(bench: BenchCluster, old: string): Contestant {
  let target = "";
  return {
    name: DELTA,
    prepare: async () => {
      target = bench.newTarget();
      await mustRunAsServer(["cp", "-a", old, target]);
      await mustRunAsServer(["sync"]);
    },
    run: () => fetch(bench, "later", target, "--delta"),
  };
}

function fetch(
  bench: BenchCluster,
  repository: string,
  target: string,
  ...flags: readonly string[]
): Promise<Measure> {
  const command = bench.tidemark("backup-fetch", target, "LATEST", ...flags);
  const env = { ...command.env, TIDEMARK_FILE_PREFIX: bench.path(repository) };
  return measure({ ...command, env });
}

/** Into a repository of its own, which gets the WAL too. */
async function push(
  bench: BenchCluster,
  repository: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(settings).length === 0) bench.emptyFolder(repository);
  await bench.archiveWith("nobody");
  const { argv, env } = bench.tidemark("backup-push", bench.cluster.dataDir);
  const TIDEMARK_FILE_PREFIX = bench.path(repository);
  const own = { ...env, ...settings, TIDEMARK_FILE_PREFIX, TIDEMARK_ARCHIVE_CHECK: "false" };
  await mustRunAsServer(argv.slice(-3), { env: own, timeoutMs: 600_000 });
}
