import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FinderName } from "../../src/delta/changed-pages.ts";
import {
  brokenPages,
  compareTrees,
  falselyVisiblePages,
  type PageDifference,
  type RelationMap,
} from "./page-truth.ts";
import type { PageMask } from "./page-truth-mask.ts";
import { seededRandom } from "./random.ts";
import { contentOf, relationsOf, type TableContent } from "./workload-content.ts";
import { fileTimes, restoreFileTimes, runPhase } from "./workload-events.ts";
import {
  describePlan,
  type PlanOptions,
  planOf,
  type WorkloadEvent,
  type WorkloadPlan,
} from "./workload-plan.ts";
import { WorkloadServer } from "./workload-server.ts";
import { WorkloadSessions } from "./workload-sessions.ts";

/** What a delta was asked to find its pages by, and what it says that it did. */
export interface DeltaOutcome {
  readonly wanted: FinderName;
  readonly used: FinderName | "full";
  readonly name: string;
  /** Recorded maps that were read; what they do not cover comes from archived WAL. */
  readonly maps: number;
}

export interface OracleOutcome {
  readonly plan: WorkloadPlan;
  readonly deltas: readonly DeltaOutcome[];
  readonly statements: number;
  /** Pages that differ between the full as restored and the server when the deltas were taken. */
  readonly changedPages: number;
  readonly comparedPages: number;
}

/** Wherever the first one lies, a map's 16 segments follow, and the one before is behind it. */
const MAPPED_SEGMENTS = 20;

/** After these the server is another copy of the cluster. */
const OTHER_COPIES: readonly WorkloadEvent[] = ["failover", "rewind", "point-in-time"];

/** Pages were lost, or what came back is not what was there. */
export class OracleError extends Error {}

/**
 * One run of the oracle. A full backup is taken under load; then the sessions go on, and things
 * happen to the server. Each finder takes a delta of the server at rest, and its chain as restored
 * must be what lies on the server's disk. Then deltas are taken under load; a chain that recovers
 * from them to the end of the WAL must be what the server was when it stopped.
 */
export async function runOracle(seed: number, options: PlanOptions = {}): Promise<OracleOutcome> {
  const plan = planOf(seed, options);
  await using server = await WorkloadServer.create(plan);
  try {
    return await new Oracle(plan, server, options.isControl === true).run();
  } catch (error) {
    const kept = process.env["ORACLE_KEEP"];
    if (kept !== undefined) renameSync(server.scratch.path, kept);
    throw new OracleError(`${describePlan(plan)}\n${String(error)}`, { cause: error });
  }
}

class Oracle {
  readonly #plan: WorkloadPlan;
  readonly #server: WorkloadServer;
  readonly #sessions: WorkloadSessions;
  readonly #deltas: DeltaOutcome[] = [];
  /** One finder's fault must not hide another's. */
  readonly #faults: string[] = [];
  readonly #isControl: boolean;
  #comparedPages = 0;

  constructor(plan: WorkloadPlan, server: WorkloadServer, isControl: boolean) {
    this.#plan = plan;
    this.#isControl = isControl;
    this.#server = server;
    this.#sessions = new WorkloadSessions(plan);
  }

  async run(): Promise<OracleOutcome> {
    const server = this.#server;
    this.#sessions.add(this.#plan.statements);
    await this.#sessions.finish(server.cluster);
    const { name: full } = await this.#underLoad(() => this.#push(["--full"]));
    const times = fileTimes(server.cluster.dataDir);
    for (const event of this.#plan.events) {
      await runPhase(event, { server, sessions: this.#sessions, full });
    }
    if (this.#plan.fillsMaps) {
      for (let count = 0; count < MAPPED_SEGMENTS; count += 1) await server.cluster.switchWal();
    }
    await server.cluster.query("CHECKPOINT");
    if (this.#plan.events.includes("old-mtimes")) {
      restoreFileTimes(server.cluster.dataDir, times);
    }
    const atRest: string[] = [];
    for (const finder of this.#finders()) atRest.push(await this.#deltaAtRest(finder, full));
    const changedPages = await this.#changedSince(full);
    const last = await this.#deltasUnderLoad(full, atRest);
    await this.#recovered(last).catch((error: unknown) => this.#faults.push(String(error)));
    if (this.#faults.length > 0) throw new OracleError(this.#faults.join("\n"));
    return {
      plan: this.#plan,
      deltas: this.#deltas,
      statements: this.#sessions.done,
      changedPages,
      comparedPages: this.#comparedPages,
    };
  }

  #finders(): readonly FinderName[] {
    const all: readonly FinderName[] = ["page-scan", "delta-maps", "wal-summaries"];
    return Number(this.#plan.version) >= 17 ? all : all.slice(0, 2);
  }

  /** The sessions work while the backup is taken. */
  async #underLoad<T>(work: () => Promise<T>): Promise<T> {
    this.#sessions.add(this.#plan.statements);
    this.#sessions.isBackupRunning = true;
    const working = this.#sessions.finish(this.#server.cluster);
    const [result] = await Promise.all([work(), working]);
    this.#sessions.isBackupRunning = false;
    return result;
  }

  /** Takes a backup; its name. */
  async #push(args: readonly string[], settings: Readonly<Record<string, string>> = {}) {
    const { dataDir } = this.#server.cluster;
    const { stderr } = await this.#server.mustRun(["backup-push", dataDir, ...args], settings);
    const name = /Wrote backup with name (\S+)/.exec(stderr)?.[1];
    if (name === undefined) throw new OracleError(`no name: ${stderr}`);
    return { name, maps: Number(/known from (\d+) delta maps/.exec(stderr)?.[1] ?? 0) };
  }

  async #delta(wanted: FinderName, parent: string): Promise<string> {
    const usesMaps = wanted === "delta-maps";
    await using _hidden =
      wanted === "wal-summaries" ? undefined : await hideSummaries(this.#server);
    const args = this.#isControl ? ["--full"] : ["--delta-from-name", parent];
    const { name, maps } = await this.#push(args, {
      WALG_USE_WAL_DELTA: String(usesMaps),
    });
    const sentinel = readFileSync(
      join(this.#server.repoDir, `basebackups_005/${name}_backup_stop_sentinel.json`),
      "utf8",
    );
    const used = finderIn(sentinel);
    this.#deltas.push({ wanted, used, name, maps });
    // A finder that cannot vouch for the whole range leaves it to the scan, never to another.
    if (used !== "full" && used !== "page-scan" && used !== wanted) {
      throw new OracleError(`${name}: ${wanted} was asked for, ${used} was used`);
    }
    return name;
  }

  async #deltaAtRest(finder: FinderName, full: string): Promise<string> {
    const server = this.#server;
    const name = await this.#delta(finder, full);
    const relations = await relationsOf(server.cluster);
    const restored = await server.fetch(name);
    this.#compare(restored, {
      what: `${finder} at rest`,
      mask: maskAtRest(this.#plan),
      relations,
    });
    server.discard(restored);
    return name;
  }

  /** How much there was to be found, so that a run that changes nothing is seen. */
  async #changedSince(full: string): Promise<number> {
    const server = this.#server;
    const restored = await server.fetch(full);
    const { differing } = compareTrees({
      expected: server.cluster.dataDir,
      actual: restored,
      mask: maskAtRest(this.#plan),
      relations: await relationsOf(server.cluster),
      forks: ["main"],
    });
    server.discard(restored);
    return differing;
  }

  /** One delta per finder, all on the full, or each on a delta of another finder. */
  async #deltasUnderLoad(full: string, atRest: readonly string[]): Promise<string> {
    const random = seededRandom(this.#plan.seed ^ 0x5eed);
    const finder = random.pick(this.#finders());
    const parent = this.#plan.isLongChain ? random.pick(atRest) : full;
    return this.#underLoad(() => this.#delta(finder, parent));
  }

  async #recovered(name: string): Promise<void> {
    const server = this.#server;
    this.#sessions.add(3);
    await this.#sessions.finish(server.cluster);
    const { cluster } = server;
    const content = await contentOf(cluster);
    const relations = await relationsOf(cluster);
    await cluster.stop();
    const target = await server.fetch(name);
    const { wanted, used } = this.#deltas.at(-1) ?? { wanted: "?", used: "?" };
    const what = `${wanted} (${used}) under load, recovered`;
    await this.#expectContent(what, target, content);
    this.#compare(target, { what, mask: "replay", relations, isKnownOnly: true });
    server.discard(target);
  }

  /** What a server that has replayed everything on the restored directory answers. */
  async #expectContent(what: string, target: string, content: TableContent): Promise<void> {
    const restored = await this.#server.replay(target);
    try {
      expectSame(content, await contentOf(restored));
    } catch (error) {
      this.#faults.push(`${what}: ${String(error)}`);
    } finally {
      await restored.stop();
      await restored[Symbol.asyncDispose]();
    }
  }

  #compare(
    actual: string,
    task: {
      readonly what: string;
      readonly mask: PageMask;
      readonly relations: RelationMap;
      readonly isKnownOnly?: boolean;
    },
  ): void {
    const { what, ...options } = task;
    const forks = task.mask === "replay" ? { forks: ["main", "init"] as const } : {};
    const expected = this.#server.cluster.dataDir;
    const result = compareTrees({ expected, actual, ...options, ...forks });
    this.#comparedPages += result.pages;
    if (result.differing > 0) {
      const lines = result.differences.map(describeDifference);
      this.#faults.push(`${what}: ${result.differing} pages differ\n${lines.join("\n")}`);
    }
    const wrong = [
      ...falselyVisiblePages(actual).map((page) => `${page}: not all-visible, its map says so`),
      ...(this.#plan.checksums && task.mask === "replay" ? brokenPages(actual) : []),
    ];
    if (wrong.length > 0) this.#faults.push(`${what}: ${wrong.slice(0, 20).join("\n")}`);
  }
}

/**
 * A standby, or a directory that was restored, has come about by replay: it lacks hint bits of the
 * server from which the full backup was taken (only the first on a page after a checkpoint is
 * logged), and what lies in holes of pages.
 */
function maskAtRest(plan: WorkloadPlan): PageMask {
  if (plan.events.some((event) => OTHER_COPIES.includes(event))) return "replay";
  return plan.checksums || plan.walLogHints ? "exact" : "hints";
}

function describeDifference(page: PageDifference): string {
  return (
    `${page.relation} (${page.path}), fork ${page.fork}, block ${page.block}: ` +
    `LSN ${page.expectedLsn ?? "none"} on the server, ${page.actualLsn ?? "none"} restored, ` +
    `bytes ${page.offsets.join(" ")}`
  );
}

function expectSame(expected: TableContent, actual: TableContent): void {
  for (const [name, content] of expected) {
    const found = actual.get(name);
    const isSequence = content.startsWith("sequence ");
    const isRight = isSequence ? isNotBehind(found, content) : found === content;
    if (!isRight) throw new OracleError(`${name} holds ${found}, the server ${content}`);
  }
  for (const name of actual.keys()) {
    if (!expected.has(name)) throw new OracleError(`${name} is not on the server`);
  }
}

/**
 * A crash moves a sequence to the last value that was logged ahead, 32 at most, and writes nothing
 * of that to the WAL: the copy of before may stand so many lower, and has given none of them away.
 */
function isNotBehind(found: string | undefined, server: string): boolean {
  const [, last = "", ahead = ""] = found?.split(" ") ?? [];
  return Number(last) + Number(ahead) >= Number(server.split(" ")[1]);
}

/** Without its summaries a server has nothing to give to that finder. */
async function hideSummaries(server: WorkloadServer): Promise<AsyncDisposable | undefined> {
  const { cluster } = server;
  const dir = join(cluster.dataDir, "pg_wal/summaries");
  if (!existsSync(dir)) return undefined;
  await cluster.query("ALTER SYSTEM SET summarize_wal = off");
  await cluster.query("SELECT pg_reload_conf()");
  // Where there are no files it would begin again with all the WAL that there is.
  await cluster.waitUntil("nothing writes summaries", async () => {
    const sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsummarizer'";
    return (await cluster.value(sql)) === "0";
  });
  const hidden = server.newPath("summaries");
  mkdirSync(hidden);
  for (const name of readdirSync(dir)) renameSync(join(dir, name), join(hidden, name));
  return {
    [Symbol.asyncDispose]: async () => {
      for (const name of readdirSync(hidden)) renameSync(join(hidden, name), join(dir, name));
      rmSync(hidden, { recursive: true });
      await cluster.query("ALTER SYSTEM RESET summarize_wal");
      await cluster.query("SELECT pg_reload_conf()");
    },
  };
}

function finderIn(sentinel: string): DeltaOutcome["used"] {
  const document = JSON.parse(sentinel) as Readonly<Record<string, unknown>>;
  if (document["DeltaFrom"] === undefined) return "full";
  const finder = document["TidemarkFinder"];
  if (finder === "page-scan" || finder === "wal-summaries" || finder === "delta-maps") {
    return finder;
  }
  throw new OracleError(`the sentinel names no finder: ${sentinel.slice(0, 400)}`);
}
