import { CorruptObjectError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { ChangeRecord, FinderName } from "../../delta/changed-pages.ts";
import { formatLsn } from "../../delta/lsn.ts";
import type { BackupRequest, ParentBackup } from "../adapter.ts";
import type { PostgresBackupOptions } from "./backup-options.ts";
import { chooseChangeRecord } from "./change-record.ts";
import type { ControlFile } from "./control-file.ts";
import {
  checkHistory,
  type DeltaBase,
  openDeltaBase,
  readHistory,
  UnusableParent,
} from "./delta-base.ts";
import type { PageGuard } from "./sentinel-document.ts";
import type { BackupStart, PostgresSession, ServerFacts } from "./session.ts";

/** What the parent offers; undefined: a full backup is made, for a reason that was told. */
export async function openBase(
  parent: ParentBackup | undefined,
  control: ControlFile,
  log: Logger,
): Promise<DeltaBase | undefined> {
  if (parent === undefined) return undefined;
  return await orFull(log, () => openDeltaBase(parent, control));
}

/** A delta, from the moment at which the server is in backup mode. */
export interface Delta {
  readonly base: DeltaBase;
  /** undefined: the pages of all relations are looked at. */
  readonly record: ChangeRecord | undefined;
  readonly finder: FinderName;
  /** Since the parent, pages may have become all-visible without an LSN that says so. */
  readonly hasSilentChanges: boolean;
}

interface BeginFacts {
  readonly dataDir: string;
  readonly server: PostgresSession;
  readonly start: BackupStart;
  readonly options: Pick<
    PostgresBackupOptions,
    "usesDeltaMaps" | "needsChangeRecord" | "summaryWaitMs" | "clock" | "log"
  >;
  readonly request: Pick<BackupRequest, "journal" | "signal">;
}

/** Whether the history of the server, in backup mode, holds the parent; how changes are found. */
export async function beginDelta(
  base: DeltaBase | undefined,
  facts: BeginFacts,
): Promise<Delta | undefined> {
  if (base === undefined) return undefined;
  return await orFull(facts.options.log, () => begin(base, facts));
}

async function begin(base: DeltaBase, facts: BeginFacts): Promise<Delta> {
  const { dataDir, server, start, options, request } = facts;
  const { clock, log } = options;
  const { journal, signal } = request;
  const { timeline } = start;
  const history = await readHistory({ dataDir, timeline, journal, signal });
  checkHistory(base, start, history);
  const guard = pageGuardOf(server.facts);
  checkGuard(base, guard);
  // In WAL-G's words.
  log.info(`Delta backup from ${base.parent} with LSN ${formatLsn(base.sinceLsn)}.`);
  const record = await chooseChangeRecord({
    dataDir,
    server,
    sinceLsn: base.sinceLsn,
    sinceTimeline: base.timeline,
    start,
    history,
    usesDeltaMaps: options.usesDeltaMaps,
    needsRecord: options.needsChangeRecord,
    summaryWaitMs: options.summaryWaitMs,
    journal,
    clock,
    log,
    signal,
  });
  const finder = record?.finder ?? "page-scan";
  log.info(`changed pages are found by ${finder}`);
  const hasSilentChanges = guard === "none" || base.pageGuard === "none";
  return { base, record, finder, hasSilentChanges };
}

export function pageGuardOf({
  hasDataChecksums,
  logsHints,
}: Pick<ServerFacts, "hasDataChecksums" | "logsHints">): PageGuard {
  if (hasDataChecksums) return "checksums";
  return logsHints ? "hints" : "none";
}

/** Turning page checksums on or off changes all pages of a stopped cluster, and no LSN. */
function checkGuard({ parent, pageGuard }: DeltaBase, now: PageGuard): void {
  if (pageGuard === undefined || (pageGuard === "checksums") === (now === "checksums")) return;
  const turned = now === "checksums" ? "on" : "off";
  throw new UnusableParent(`page checksums were turned ${turned} since ${parent}`);
}

/** A parent that nothing can build on makes the backup a full one, and the log says why. */
async function orFull<T>(log: Logger, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnusableParent || error instanceof CorruptObjectError)) throw error;
    log.warning(`No delta is possible: ${messageOf(error)}. Doing full backup.`);
    return undefined;
  }
}
