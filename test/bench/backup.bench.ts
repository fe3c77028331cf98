import { join } from "node:path";
import { postgresTool } from "../support/postgres-install.ts";
import { asServer, mustRunAsServer } from "../support/run-as.ts";
import { type BenchCluster, WORKERS, ZSTD_LEVEL } from "./bench-cluster.ts";
import { alternate, type Contestant, measure } from "./measure.ts";
import type { BenchTable } from "./report.ts";

/** A full backup: against pgBackRest, pg_basebackup, and reading and compressing alone. */
export async function benchBackup(bench: BenchCluster, rounds: number): Promise<BenchTable> {
  const { cluster } = bench;
  const contestants: readonly Contestant[] = [
    {
      name: "tidemark backup-push",
      prepare: async () => {
        bench.emptyFolder("tidemark");
        await bench.archiveWith("tidemark");
      },
      run: () => measure(bench.tidemark("backup-push", cluster.dataDir)),
      storedBytes: () => bench.sizeOf("tidemark/basebackups_005"),
    },
    {
      name: "pgBackRest backup",
      prepare: async () => {
        await bench.archiveWith("pgbackrest");
        await expireAll(bench);
      },
      run: () => measure({ argv: asServer(bench.pgbackrest("backup", "--type=full")) }),
      storedBytes: () => bench.sizeOf("pgbackrest/backup"),
    },
    {
      name: `pg_basebackup, zstd:${ZSTD_LEVEL}`,
      prepare: async () => {
        bench.emptyFolder("copy");
        await bench.archiveWith("nobody");
      },
      run: () =>
        measure({
          argv: asServer([
            postgresTool("pg_basebackup"),
            "--format=tar",
            "--wal-method=none",
            "--checkpoint=fast",
            `--compress=client-zstd:level=${ZSTD_LEVEL},workers=${WORKERS}`,
            "--pgdata",
            bench.path("copy"),
          ]),
          env: bench.environment,
        }),
      storedBytes: () => bench.sizeOf("copy"),
    },
    floorCopy(bench),
    floorCompress(bench),
  ];
  return {
    title: "Full backup",
    note:
      `A pgbench cluster of ${mebibytes(await clusterBytes(bench))} MiB, page checksums on and ` +
      `checked, zstd ${ZSTD_LEVEL}, ${WORKERS} workers, warm page cache; both prove that the WAL ` +
      "is in the repository. `cp -a` and `tar | zstd` show what reading and compressing cost.",
    results: await alternate(contestants, rounds),
    reference: "pgBackRest backup",
    goals: [
      { contestant: "tidemark backup-push", figure: "wall", max: 0.5 },
      { contestant: "tidemark backup-push", figure: "cpu", max: 0.6 },
      { contestant: "tidemark backup-push", figure: "rss", max: 110 },
    ],
  };
}

/** The old backups go, the stanza stays: pgBackRest takes them out of its list by itself. */
async function expireAll(bench: BenchCluster): Promise<void> {
  const folder = bench.path("pgbackrest/backup/main");
  const script = `cd "$0" && rm -rf [0-9]* latest backup.history`;
  await mustRunAsServer(["sh", "-c", script, folder]);
}

function floorCopy(bench: BenchCluster): Contestant {
  return {
    name: "cp -a",
    prepare: async () => {
      bench.emptyFolder("copy");
    },
    run: () => {
      const target = join(bench.path("copy"), "data");
      return measure({ argv: asServer(["cp", "-a", bench.cluster.dataDir, target]) });
    },
  };
}

function floorCompress(bench: BenchCluster): Contestant {
  return {
    name: `tar to zstd -${ZSTD_LEVEL} -T${WORKERS}`,
    prepare: async () => {
      bench.emptyFolder("copy");
    },
    run: () => {
      const compress = `zstd -q -${ZSTD_LEVEL} -T${WORKERS} -o "$2"`;
      const script = `tar -C "$1" --exclude=pg_wal -cf - . | ${compress}`;
      const target = join(bench.path("copy"), "data.tar.zst");
      const argv = asServer(["sh", "-c", script, "sh", bench.cluster.dataDir, target]);
      return measure({ argv });
    },
    storedBytes: () => bench.sizeOf("copy"),
  };
}

export async function clusterBytes(bench: BenchCluster): Promise<number> {
  return Number(
    await bench.cluster.value("SELECT sum(pg_database_size(oid))::bigint FROM pg_database"),
  );
}

export function mebibytes(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(0);
}
