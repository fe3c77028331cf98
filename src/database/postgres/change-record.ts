import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { ChangeRecord } from "../../delta/changed-pages.ts";
import { formatLsn, type Lsn } from "../../delta/lsn.ts";
import type { TimelineHistory } from "../../wal/timeline-history.ts";
import type { JournalReader } from "../adapter.ts";

import { findByDeltaMaps } from "./recorded-map-finder.ts";
import type { BackupStart, PostgresSession } from "./session.ts";
import { findBySummaries } from "./summary-finder.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** What is known when a delta backup chooses how it finds the changed pages. */
export interface ChangeRecordRequest {
  /** Links resolved. */
  readonly dataDir: string;
  /** In backup mode. */
  readonly server: PostgresSession;
  /** Changes count from here on: the parent's start, on the timeline that it was taken on. */
  readonly sinceLsn: Lsn;
  readonly sinceTimeline: number;
  /** Where the new backup starts: all changes before it must be in a record. */
  readonly start: BackupStart;
  /** Of the new backup's timeline; undefined on the first one. */
  readonly history: TimelineHistory | undefined;
  /** WALG_USE_WAL_DELTA: maps of changed blocks are recorded beside the archived WAL. */
  readonly usesDeltaMaps: boolean;
  /** WALG_FORCE_WAL_DELTA: to look through the pages instead is an error. Default false. */
  readonly needsRecord?: boolean;
  /** How long the server's WAL summaries may take to reach the start. Default one minute. */
  readonly summaryWaitMs?: number | undefined;
  readonly journal: JournalReader;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

type Opener = (request: ChangeRecordRequest) => Promise<ChangeRecord | undefined>;

/** In the order of preference. Each gives undefined unless it provably covers the whole range. */
const OPENERS: readonly Opener[] = [openSummaries, openDeltaMaps];

/** As long as pg_basebackup waits for a summarizer that makes no progress. */
const SUMMARY_WAIT_MS = 60_000;

/** The archiver stores the last WAL before the backup while this waits. */
const ARCHIVER_WAIT_MS = 60_000;

/**
 * A record that knows every change since the parent; undefined: the pages must be looked at.
 * @throws DatabaseError when they must and the user has said that they shall not
 */
export async function chooseChangeRecord(
  request: ChangeRecordRequest,
): Promise<ChangeRecord | undefined> {
  for (const open of OPENERS) {
    const record = await open(request);
    if (record !== undefined) return record;
  }
  if (request.needsRecord === true) {
    throw new DatabaseError(
      `nothing has recorded all changes since ${formatLsn(request.sinceLsn)}, ` +
        "and WALG_FORCE_WAL_DELTA forbids to look through the pages",
      { hint: "Unset it, or take a full backup with --full." },
    );
  }
  return undefined;
}

async function openSummaries(request: ChangeRecordRequest): Promise<ChangeRecord | undefined> {
  const { server, sinceLsn, sinceTimeline, summaryWaitMs, log } = request;
  const finding = await findBySummaries({
    ...request,
    session: server,
    parent: { timeline: sinceTimeline, startLsn: sinceLsn },
    waitMs: summaryWaitMs ?? SUMMARY_WAIT_MS,
  });
  if (finding.kind === "record") {
    log.info(`changed blocks are known from ${finding.summaries} WAL summaries`);
    return finding.record;
  }
  if (finding.kind === "none") log.debug(finding.reason);
  else log.warning(`the server's WAL summaries are not used: ${finding.reason}`);
  return undefined;
}

async function openDeltaMaps(request: ChangeRecordRequest): Promise<ChangeRecord | undefined> {
  const { server, sinceLsn, sinceTimeline, usesDeltaMaps, log } = request;
  if (!usesDeltaMaps) return undefined;
  const finding = await findByDeltaMaps({
    ...request,
    server: server.facts,
    parent: { timeline: sinceTimeline, startLsn: sinceLsn },
    waitMs: ARCHIVER_WAIT_MS,
  });
  if (finding.kind === "record") {
    const { record, maps, segments } = finding;
    log.info(`changed blocks are known from ${maps} delta maps and ${segments} WAL files`);
    return record;
  }
  log.warning(`recorded delta maps are not used: ${finding.reason}`);
  return undefined;
}
