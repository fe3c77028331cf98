import type { Clock } from "../../base/clock.ts";
import { CorruptObjectError, FilesystemError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { ChangeRecord } from "../../delta/changed-pages.ts";
import { formatLsn, type Lsn, parseLsn } from "../../delta/lsn.ts";
import { RELATION_SEGMENT_BYTES } from "../../delta/relation-file.ts";
import { coverRanges, type SummaryCover } from "../../delta/wal-summary-cover.ts";
import type { WalSummaryRange } from "../../delta/wal-summary-name.ts";
import { SummaryRecord } from "../../delta/wal-summary-record.ts";
import type { TimelineHistory } from "../../wal/timeline-history.ts";
import type { PostgresSession } from "./session.ts";
import { type ParentPlace, type StartPlace, walBetween } from "./summary-ranges.ts";
import { SummaryFiles, SummaryFunctions, type SummarySource } from "./summary-sources.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface SummaryRequest {
  readonly session: Pick<PostgresSession, "facts" | "query" | "rows" | "showSettings">;
  /** undefined where this process cannot reach it: then the server is asked. */
  readonly dataDir: string | undefined;
  readonly parent: ParentPlace;
  readonly start: StartPlace;
  /** Of the start's timeline; undefined for the first one of a cluster. */
  readonly history: TimelineHistory | undefined;
  /** How long the summarizer may take to reach the start of this backup. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A record that is proven to tell of all the WAL in between, or why there is none. */
export type SummaryFinding =
  | { readonly kind: "record"; readonly record: ChangeRecord; readonly summaries: number }
  /** The server makes no summaries: nothing is wrong. */
  | { readonly kind: "none"; readonly reason: string }
  | { readonly kind: "unproven"; readonly reason: string };

const FIRST_VERSION = 17;
const POLL_MS = 100;

/**
 * Which blocks changed since the parent, as PostgreSQL's WAL summaries tell. To be called in
 * backup mode: the checkpoint with which it began makes the server summarize up to its start.
 */
export async function findBySummaries(request: SummaryRequest): Promise<SummaryFinding> {
  const { session, parent, start, history, signal } = request;
  const { majorVersion } = session.facts;
  if (majorVersion < FIRST_VERSION) {
    return { kind: "none", reason: `PostgreSQL ${majorVersion} makes no WAL summaries` };
  }
  const { ranges, fault } = walBetween(parent, start, history);
  if (ranges === undefined) return unproven(fault);
  try {
    return await findInRanges(request, ranges);
  } catch (error) {
    signal.throwIfAborted();
    // What the server or a file refuses is no reason to lose the backup; a lost session is.
    const isRefusal = error instanceof DatabaseError && error.report !== undefined;
    const isFile = error instanceof FilesystemError || error instanceof CorruptObjectError;
    if (isRefusal || isFile) return unproven(error.message);
    throw error;
  }
}

async function findInRanges(
  request: SummaryRequest,
  ranges: readonly WalSummaryRange[],
): Promise<SummaryFinding> {
  const { session, log, signal } = request;
  const { blockBytes } = session.facts;
  const settings = await session.showSettings(["segment_size", "summarize_wal"], signal);
  // In pages; whoever built the server otherwise has other numbers of blocks in each file.
  if (Number(settings.get("segment_size")) * blockBytes !== RELATION_SEGMENT_BYTES) {
    return unproven("the server's relations are not cut into files of 1 GiB");
  }
  const isOn = settings.get("summarize_wal") === "on";
  const source = await chooseSource(request);
  const cover = await coverInTime({ ...request, source, ranges, isOn });
  if (cover.kind !== "covered") return cover;
  const record = new SummaryRecord({ pageBytes: blockBytes });
  for (const summary of cover.summaries) await source.read(summary, record, signal);
  const summaries = cover.summaries.length;
  log.debug(`${summaries} WAL summaries read (${source.name})`);
  return { kind: "record", record, summaries };
}

/** The files where they can be read: many times faster than rows. */
async function chooseSource(request: SummaryRequest): Promise<SummarySource> {
  const { session, dataDir, log, signal } = request;
  if (dataDir !== undefined) {
    const files = new SummaryFiles(dataDir);
    try {
      await files.list(signal);
      return files;
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      log.debug(`the server is asked for its WAL summaries: ${error.message}`);
    }
  }
  return new SummaryFunctions(session);
}

interface CoverTask extends SummaryRequest {
  readonly source: SummarySource;
  readonly ranges: readonly WalSummaryRange[];
  /** Whether the server makes summaries now. */
  readonly isOn: boolean;
}

type Covered = Extract<SummaryCover, { readonly kind: "covered" }>;
type NotFound = Exclude<SummaryFinding, { readonly kind: "record" }>;

/** Waits for summaries that are still to come, but not for those that never will. */
async function coverInTime(task: CoverTask): Promise<Covered | NotFound> {
  const { source, ranges, clock, signal, waitMs, log } = task;
  const startedMs = clock.monotonicMs();
  for (let isFirst = true; ; isFirst = false) {
    // Asked before the list is read: a summary is in its place before the server says so.
    const summarizedLsn = await summarizedUpTo(task);
    const cover = coverRanges(ranges, await source.list(signal));
    if (cover.kind === "covered") return cover;
    const { range, missingLsn } = cover;
    const missing =
      `no WAL summary tells of timeline ${range.timeline} from ${formatLsn(missingLsn)} ` +
      `to ${formatLsn(range.endLsn)}`;
    if (!task.isOn) return { kind: "none", reason: `${missing}, and summarize_wal is off` };
    if (summarizedLsn > missingLsn) return unproven(missing);
    const waitedMs = clock.monotonicMs() - startedMs;
    if (waitedMs >= waitMs) {
      return unproven(
        `${missing}: after ${Math.round(waitedMs / 1000)} s the server has summarized ` +
          `up to ${formatLsn(summarizedLsn)}`,
      );
    }
    if (isFirst) log.debug("waiting for the server's WAL summaries");
    await clock.sleep(POLL_MS, signal);
  }
}

async function summarizedUpTo({ session, signal }: SummaryRequest): Promise<Lsn> {
  const sql = "SELECT summarized_lsn FROM pg_get_wal_summarizer_state()";
  const [row] = await session.query(sql, signal);
  return parseLsn(row?.[0] ?? "");
}

function unproven(reason: string): NotFound {
  return { kind: "unproven", reason };
}
