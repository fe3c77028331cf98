import { messageOf } from "../../src/base/errors.ts";
import type { WireConnection } from "../../src/database/postgres/wire/connection.ts";
import { DatabaseError } from "../../src/database/postgres/wire/server-error.ts";
import type { PostgresCluster } from "./postgres-cluster.ts";
import { seededRandom } from "./random.ts";
import type { WorkloadPlan } from "./workload-plan.ts";
import { type Statement, statementsOf } from "./workload-statements.ts";

/**
 * What may become of a statement while other sessions work on the same things: waits given up,
 * deadlocks, and objects that another statement made or dropped, or that a failed one did not.
 */
const EXPECTED_STATES: ReadonlySet<string> = new Set([
  "40P01",
  "55P03",
  "57014",
  "55006",
  "55000",
  "42P01",
  "42P04",
  "42P07",
  "42701",
  "42703",
  "42704",
  "42710",
  "42809",
  "3D000",
  "2BP01",
  "23505",
  "25P02",
  "0A000",
  "58P01",
  // A crash left the directory of a database that was being made under this OID.
  "22023",
  // The program of COPY was ended together with the server.
  "38000",
]);
/** Reported as internal errors, and ordinary under concurrent DDL. */
const EXPECTED_INTERNAL =
  /concurrently (updated|deleted)|could not open relation|cache lookup failed|was concurrently/;
/** The server ended the session, or is about to. */
const ENDING_STATES: ReadonlySet<string> = new Set(["57P01", "57P02", "57P03"]);

/** The sessions of a workload: each has its own endless sequence of statements. */
export class WorkloadSessions {
  /** A backup is being taken: what would break any base backup is left out. */
  isBackupRunning = false;
  readonly #sessions: readonly Session[];

  constructor(plan: WorkloadPlan) {
    this.#sessions = Array.from({ length: plan.sessions }, (_, index) => new Session(plan, index));
  }

  /** Statements that the server refused for a reason that concurrency explains. */
  get refused(): number {
    return this.#sessions.reduce((sum, { refused }) => sum + refused, 0);
  }

  get done(): number {
    return this.#sessions.reduce((sum, { done }) => sum + done, 0);
  }

  /** Puts so many more statements before each session. */
  add(count: number): void {
    for (const session of this.#sessions) session.pending += count;
  }

  /** Runs what is pending, all sessions at once; ends early when the server goes away. */
  async run(cluster: PostgresCluster): Promise<void> {
    const { isBackupRunning } = this;
    await Promise.all(this.#sessions.map((session) => session.run(cluster, isBackupRunning)));
  }

  /** The same on a server that has no reason to go away. */
  async finish(cluster: PostgresCluster): Promise<void> {
    await this.run(cluster);
    if (this.#sessions.some(({ pending }) => pending > 0)) {
      throw new Error("the server ended a session by itself");
    }
  }

  /** Resolves when all sessions together have done so many more statements, or all are idle. */
  async reached(more: number): Promise<void> {
    const goal = this.done + more;
    while (this.done < goal && this.#sessions.some(({ pending }) => pending > 0)) {
      await Bun.sleep(1);
    }
  }
}

class Session {
  pending = 0;
  done = 0;
  refused = 0;
  readonly #statements: Generator<Statement, never, void>;

  constructor(plan: WorkloadPlan, session: number) {
    // Any two sessions of any two seeds are apart.
    const random = seededRandom(Math.imul(plan.seed, 31) + session * 7919 + 1);
    this.#statements = statementsOf({ session, version: plan.version, random });
  }

  async run(cluster: PostgresCluster, isBackupRunning: boolean): Promise<void> {
    if (this.pending === 0) return;
    const connection = await open(cluster, "postgres").catch(isGone);
    if (connection === false) return;
    try {
      while (this.pending > 0 && connection.isOpen) {
        const statement = this.#statements.next().value;
        this.pending -= 1;
        if (isBackupRunning && statement.breaksBackups === true) continue;
        if (!(await this.#execute(cluster, connection, statement))) return;
        this.done += 1;
      }
    } finally {
      await connection.close();
    }
  }

  /** false: the server is gone. */
  async #execute(
    cluster: PostgresCluster,
    own: WireConnection,
    statement: Statement,
  ): Promise<boolean> {
    try {
      if (statement.database === undefined) {
        await execute(own, statement.sql);
        return true;
      }
      await using other = await open(cluster, statement.database);
      await execute(other, statement.sql);
      return true;
    } catch (error) {
      if (isEnding(error)) return false;
      if (!isExpected(error)) {
        throw new Error(`${messageOf(error)}\n${statement.sql}`, { cause: error });
      }
      this.refused += 1;
    }
    return own.query("ROLLBACK", { signal: AbortSignal.timeout(30_000) }).then(() => true, isGone);
  }
}

async function open(cluster: PostgresCluster, database: string): Promise<WireConnection> {
  const connection = await cluster.connect({ database });
  await execute(connection, "SET lock_timeout = '200ms'; SET deadlock_timeout = '50ms'");
  return connection;
}

async function execute(connection: WireConnection, sql: string): Promise<void> {
  await connection.query(sql, { signal: AbortSignal.timeout(60_000) });
}

function isEnding(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  return error.sqlState === undefined || ENDING_STATES.has(error.sqlState);
}

function isGone(error: unknown): false {
  if (isEnding(error)) return false;
  throw error;
}

function isExpected(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false;
  const { report } = error;
  if (report === undefined || report.severity === "PANIC") return false;
  if (report.sqlState === "XX000") return EXPECTED_INTERNAL.test(report.message);
  return EXPECTED_STATES.has(report.sqlState);
}
