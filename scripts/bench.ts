/**
 * `bun run bench [--rounds N] [--scale N] [--deltaScale N] [--objectMiB N] [--only NAMES]`: runs
 * the benchmarks against their peers, prints the tables, and writes docs/benchmarks.md when all
 * were run. Names, with commas: start, wal, backup, restore, delta, chain, storage,
 * cipher.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { benchBackup } from "../test/bench/backup.bench.ts";
import { BenchCluster } from "../test/bench/bench-cluster.ts";
import { benchChain } from "../test/bench/chain.bench.ts";
import { benchCiphers } from "../test/bench/cipher.bench.ts";
import { benchDeltas, DeltaClusters } from "../test/bench/delta.bench.ts";
import { type BenchTable, renderReport } from "../test/bench/report.ts";
import { benchRestore } from "../test/bench/restore.bench.ts";
import { benchStart } from "../test/bench/start.bench.ts";
import { benchStorage } from "../test/bench/storage.bench.ts";
import { benchWal } from "../test/bench/wal.bench.ts";

const ROOT = dirname(import.meta.dirname);

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    scale: { type: "string", default: "110" },
    deltaScale: { type: "string", default: "210" },
    objectMiB: { type: "string", default: "1024" },
    only: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const wanted = values.only?.split(",");
const isWanted = (name: string) => wanted === undefined || wanted.includes(name);

requireTool("pgbackrest", "apt-get install pgbackrest");
requireTool("rclone", "apt-get install rclone");
requireTool("zstd", "apt-get install zstd");
run([process.execPath, "run", join(ROOT, "scripts/build.ts")]);

const tables: BenchTable[] = [];
if (isWanted("start")) tables.push(await benchStart(rounds));
if (["wal", "backup", "restore"].some(isWanted)) {
  await using bench = await BenchCluster.create({ scale: Number(values.scale) });
  if (isWanted("wal")) tables.push(...(await benchWal(bench, rounds)));
  if (isWanted("backup")) tables.push(await benchBackup(bench, rounds));
  if (isWanted("restore")) tables.push(await benchRestore(bench, rounds));
}
if (["delta", "chain"].some(isWanted)) {
  await using clusters = await DeltaClusters.create(Number(values.deltaScale));
  if (isWanted("delta")) tables.push(...(await benchDeltas(clusters, rounds)));
  if (isWanted("chain")) tables.push(await benchChain(clusters, rounds));
}
if (isWanted("storage")) {
  tables.push(...(await benchStorage({ sizeMiB: Number(values.objectMiB), rounds })));
}
if (isWanted("cipher")) tables.push(await benchCiphers(rounds));
const report = renderReport(tables, { versions: versions() }, new Date());
console.log(report);
if (wanted === undefined) writeFileSync(join(ROOT, "docs/benchmarks.md"), `${report}\n`);

function versions(): readonly string[] {
  return [
    run([join(ROOT, "dist/tidemark"), "--version"]),
    `Bun ${Bun.version}`,
    run(["pgbackrest", "version"]),
    run(["/usr/lib/postgresql/15/bin/postgres", "--version"]),
    run(["zstd", "--version"]),
    run(["rclone", "version"]).split("\n")[0] ?? "",
  ].map((line) => line.trim().replaceAll("\t", " "));
}

function run(command: readonly string[]): string {
  const result = Bun.spawnSync([...command]);
  if (result.exitCode !== 0) {
    throw new Error(`${command.join(" ")}: exit code ${result.exitCode}\n${result.stderr}`);
  }
  return result.stdout.toString();
}

function requireTool(name: string, how: string): void {
  if (Bun.which(name) !== null) return;
  console.error(`${name} is missing; get it with \`${how}\``);
  process.exit(1);
}
