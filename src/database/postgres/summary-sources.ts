import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FilesystemError, messageOf } from "../../base/errors.ts";
import { formatLsn, parseLsn } from "../../delta/lsn.ts";
import { readWalSummary, type SummaryTarget } from "../../delta/wal-summary.ts";
import {
  formatWalSummaryName,
  parseWalSummaryName,
  type WalSummaryRange,
} from "../../delta/wal-summary-name.ts";
import { breathing } from "../../stream/breathing.ts";
import { openFile } from "../../stream/file-source.ts";
import type { PostgresSession } from "./session.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** Where a server's WAL summaries are read from. */
export interface SummarySource {
  readonly name: "files" | "SQL";
  list(signal: AbortSignal): Promise<readonly WalSummaryRange[]>;
  /** Gives at least what is said of main forks. */
  read(summary: WalSummaryRange, target: SummaryTarget, signal: AbortSignal): Promise<void>;
}

/** The files below a data directory that this process can read. */
export class SummaryFiles implements SummarySource {
  readonly name = "files";
  readonly #directory: string;

  constructor(dataDir: string) {
    this.#directory = join(dataDir, "pg_wal", "summaries");
  }

  async list(signal: AbortSignal): Promise<readonly WalSummaryRange[]> {
    signal.throwIfAborted();
    try {
      return readdirSync(this.#directory).flatMap((name) => parseWalSummaryName(name) ?? []);
    } catch (cause) {
      throw new FilesystemError(this.#directory, messageOf(cause), { cause });
    }
  }

  async read(summary: WalSummaryRange, target: SummaryTarget, signal: AbortSignal): Promise<void> {
    const path = join(this.#directory, formatWalSummaryName(summary));
    using file = openFile(path);
    await readWalSummary(breathing(file.source.open(signal)), path, target);
  }
}

/** What the server says of its summaries: for directories that this process cannot read. */
export class SummaryFunctions implements SummarySource {
  readonly name = "SQL";
  readonly #session: Pick<PostgresSession, "rows">;

  constructor(session: Pick<PostgresSession, "rows">) {
    this.#session = session;
  }

  async list(signal: AbortSignal): Promise<readonly WalSummaryRange[]> {
    const found: WalSummaryRange[] = [];
    const sql = "SELECT tli, start_lsn, end_lsn FROM pg_available_wal_summaries()";
    for await (const [timeline, start, end] of this.#session.rows(sql, signal)) {
      found.push({
        timeline: numberOf(timeline),
        startLsn: parseLsn(start ?? ""),
        endLsn: parseLsn(end ?? ""),
      });
    }
    return found;
  }

  /** A row for each limit block and each block; those of a fork come together, the limit first. */
  async read(summary: WalSummaryRange, target: SummaryTarget, signal: AbortSignal): Promise<void> {
    const { timeline, startLsn, endLsn } = summary;
    const range = `${timeline}, '${formatLsn(startLsn)}', '${formatLsn(endLsn)}'`;
    const sql =
      "SELECT reltablespace, reldatabase, relfilenode, is_limit_block, relblocknumber " +
      `FROM pg_wal_summary_contents(${range}) WHERE relforknumber = 0`;
    let current = "";
    for await (const row of this.#session.rows(sql, signal)) {
      const [tablespace, database, relation, isLimit, blockText] = row;
      const block = numberOf(blockText);
      const key = `${tablespace}/${database}/${relation}`;
      if (key !== current || isLimit === "t") {
        current = key;
        target.entry({
          tablespace: numberOf(tablespace),
          database: numberOf(database),
          relation: numberOf(relation),
          fork: 0,
          limitBlock: isLimit === "t" ? block : undefined,
        });
      }
      if (isLimit === "f") target.block(block);
    }
  }
}

function numberOf(text: string | null | undefined): number {
  if (typeof text === "string" && /^\d{1,10}$/.test(text)) return Number(text);
  throw new DatabaseError(`the server's WAL summaries have ${JSON.stringify(text)} for a number`);
}
