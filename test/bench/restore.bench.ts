import { asServer, mustRunAsServer } from "../support/run-as.ts";
import { clusterBytes, mebibytes } from "./backup.bench.ts";
import { type BenchCluster, WORKERS } from "./bench-cluster.ts";
import { alternate, type Contestant, measure } from "./measure.ts";
import type { BenchTable } from "./report.ts";

/** Restoring the backup that the run before made, each contestant from its own repository. */
export async function benchRestore(bench: BenchCluster, rounds: number): Promise<BenchTable> {
  await bench.archiveWith("tidemark");
  bench.emptyFolder("tidemark");
  await mustRunAsServer(bench.tidemark("backup-push", bench.cluster.dataDir).argv.slice(-3), {
    env: bench.environment,
  });
  await bench.archiveWith("pgbackrest");
  await mustRunAsServer(bench.pgbackrest("backup", "--type=full"), { timeoutMs: 600_000 });
  await bench.archiveWith("nobody");
  const count = mebibytes(await clusterBytes(bench));
  let target = "";
  const clear = async () => {
    target = bench.newTarget();
  };
  const contestants: readonly Contestant[] = [
    {
      name: "tidemark backup-fetch",
      prepare: clear,
      run: () => measure(bench.tidemark("backup-fetch", target, "LATEST")),
    },
    {
      name: "pgBackRest restore",
      prepare: async () => {
        await clear();
        await mustRunAsServer(["mkdir", "-m", "700", target]);
      },
      run: () => measure({ argv: asServer(bench.pgbackrest("restore", `--pg1-path=${target}`)) }),
    },
    {
      name: "cp -a",
      prepare: clear,
      run: () => measure({ argv: asServer(["cp", "-a", bench.cluster.dataDir, target]) }),
    },
    {
      name: "dd, conv=fsync",
      prepare: async () => {
        await clear();
        await mustRunAsServer(["mkdir", "-m", "700", target]);
      },
      run: () => measure({ argv: asServer(writeAsMuch(count, target)) }),
    },
  ];
  return {
    title: "Restore",
    note:
      `The full backup above into a new directory, ${WORKERS} workers, files fsynced and every ` +
      "checksum that the repository holds compared. Earlier targets are emptied and not removed: " +
      "ext4 makes files slowly (0.5 ms each) for minutes after many were deleted. " +
      "`dd` shows what the disk takes for as many bytes.",
    results: await alternate(contestants, rounds),
    reference: "pgBackRest restore",
    goals: [
      { contestant: "tidemark backup-fetch", figure: "wall", max: 0.5 },
      { contestant: "tidemark backup-fetch", figure: "rss", max: 110 },
    ],
  };
}

/** So many MiB of zeros into one file. */
function writeAsMuch(count: string, target: string): string[] {
  const words = ["if=/dev/zero", `of=${target}/zeros`, "bs=1M", `count=${count}`];
  return ["dd", ...words, "conv=fsync", "status=none"];
}
