import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { PostgresCluster } from "../test/support/postgres-cluster.ts";
import type { ScratchDir } from "../test/support/scratch.ts";

const ROOT = join(import.meta.dirname, "..");
const BUN = process.execPath;
const ROWS = 200_000;
const STEPS_COUNT = 7;

/** Counts, a sum and a digest of the rows: equal before and after, or it was no rescue. */
const PROOF_SQL = `
  SELECT (SELECT count(*) FROM bench_accounts), (SELECT sum(abalance) FROM bench_accounts),
    (SELECT md5(string_agg(note, ',' ORDER BY id)) FROM orders),
    (SELECT count(*) FROM orders), (SELECT max(note) FROM orders)`;

/**
 * The main job in under two minutes, on a machine with nothing but Node and npm: a throwaway
 * PostgreSQL archives its WAL into a folder, is backed up, loses its data to a mistake and its
 * disk to an accident, and comes back as it was the moment before.
 */
async function main(): Promise<void> {
  const startedAt = performance.now();
  say("tidemark quickstart: back up a PostgreSQL, lose it, get it back");
  step(1, "Install the dependencies and compile the program");
  await mustRun([BUN, "install", "--frozen-lockfile"]);
  // Loaded late: the sources may import packages that were installed just now.
  const { builtBinary } = await import("../test/support/run-binary.ts");
  const { binaryPath, makeScratch, removeOpenScratch } = await import("../test/support/scratch.ts");
  process.once("SIGINT", () => {
    // The servers get their signal when this process ends.
    removeOpenScratch();
    process.exit(130);
  });
  builtBinary();
  note(`${binaryPath()}: one file, nothing else is needed`);
  using scratch = makeScratch("quickstart");
  await rescue(scratch, binaryPath());
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  say(`\nDone in ${seconds} s. Servers, repository and data of this tour are removed again.`);
  say("Next: README.md tells how to archive and back up a server of your own.");
}

async function rescue(scratch: ScratchDir, binary: string): Promise<void> {
  const { adoptDirectory, startCluster } = await import("../test/support/postgres-cluster.ts");
  const { giveToServers } = await import("../test/support/scratch.ts");
  const repository = join(scratch.path, "repository");
  mkdirSync(repository);
  giveToServers(repository);
  const env = { TIDEMARK_FILE_PREFIX: `file://${repository}` };

  step(2, "Start PostgreSQL 17 with archive_command = 'tidemark wal-push %p'");
  await using cluster = await startCluster({
    version: "17",
    archive: { command: `${binary} wal-push %p` },
    env,
  });
  note(`repository: ${env.TIDEMARK_FILE_PREFIX}`);
  await cluster.loadBench(ROWS);
  await cluster.query("CREATE TABLE orders (id serial PRIMARY KEY, note text, at timestamptz)");
  note(`loaded ${ROWS} accounts`);

  step(3, "Take a base backup while the server runs");
  const tidemark = (args: readonly string[]) =>
    runTidemark(binary, args, { ...env, ...cluster.clientEnvironment });
  await tidemark(["backup-push", cluster.dataDir]);
  await tidemark(["backup-list"]);

  step(4, "Go on writing; then somebody forgets the WHERE");
  const { moment, proof } = await writeAndDelete(cluster);

  step(5, "The disk dies as well: kill -9, and the data directory is gone");
  await cluster.kill9();
  rmSync(cluster.dataDir, { recursive: true });
  note(`${cluster.dataDir}: ${existsSync(cluster.dataDir) ? "still there" : "gone"}`);

  step(6, `Restore to ${moment}, the moment before the mistake`);
  const restoredDir = join(scratch.path, "restored");
  const target = ["--target-time", moment, "--target-action", "promote"];
  await tidemark(["backup-fetch", restoredDir, ...target]);
  await using restored = await adoptDirectory({ dataDir: restoredDir, version: "17", env });
  await restored.start();
  await restored.waitUntilPromoted();
  note("PostgreSQL fetched the WAL by `tidemark wal-fetch`, replayed it and takes writes again");

  step(STEPS_COUNT, "Look at the rows");
  const found = await readProof(restored);
  showProof("before the mistake", proof);
  showProof("after the restore ", found);
  if (JSON.stringify(found) !== JSON.stringify(proof)) {
    throw new Error("the restored rows are not those of the moment before the mistake");
  }
  note("every row is back, the last order before the mistake included");
}

/** Writes more, notes the time, makes the mistake, and waits until its WAL is archived. */
async function writeAndDelete(
  cluster: PostgresCluster,
): Promise<{ readonly moment: string; readonly proof: readonly string[] }> {
  await cluster.changeBench(2000);
  await cluster.query(
    "INSERT INTO orders (note, at) SELECT 'order ' || i, now() FROM generate_series(1, 1000) i",
  );
  await cluster.query("INSERT INTO orders (note, at) VALUES ('the last order', now())");
  const proof = await readProof(cluster);
  showProof("now", proof);
  await Bun.sleep(1000);
  const moment = await cluster.value(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
  );
  await Bun.sleep(1000);
  await cluster.query("DELETE FROM orders; UPDATE bench_accounts SET abalance = 0");
  note(`${moment} all is well; a second later: DELETE FROM orders;`);
  const [orders] = await cluster.query("SELECT count(*) FROM orders");
  note(`orders left: ${orders?.[0]}`);
  await cluster.waitUntilArchived(await cluster.switchWal());
  return { moment, proof };
}

async function readProof(cluster: PostgresCluster): Promise<readonly string[]> {
  const [row] = await cluster.query(PROOF_SQL);
  return (row ?? []).map((value) => value ?? "nothing");
}

function showProof(
  when: string,
  [accounts, balance, digest, orders, last]: readonly string[],
): void {
  note(`${when}: ${accounts} accounts, balance ${balance}`);
  note(`${" ".repeat(when.length)}  ${orders} orders (MD5 ${digest?.slice(0, 8)}), "${last}"`);
}

/** Runs the program as the servers' account and shows what it says. */
async function runTidemark(
  binary: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { describeRun, runAsServer } = await import("../test/support/run-as.ts");
  say(`   $ tidemark ${args.join(" ")}`);
  const result = await runAsServer([binary, ...args], { env });
  for (const line of `${result.stderr}${result.stdout}`.split("\n").filter(Boolean)) {
    say(`     ${line}`);
  }
  if (result.exitCode !== 0) throw new Error(describeRun(["tidemark", ...args], result));
}

async function mustRun(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { cwd: ROOT, env: process.env, stdio: OUTPUTS });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
}

const OUTPUTS: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];

function step(number: number, title: string): void {
  say(`\n${number}/${STEPS_COUNT} ${title}`);
}

function note(text: string): void {
  say(`   ${text}`);
}

function say(line: string): void {
  console.log(line);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error(`\nThe tour ended early: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
