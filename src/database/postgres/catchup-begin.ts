import { messageOf } from "../../base/errors.ts";
import { type BackupName, formatPostgresBackupName } from "../../catalog/backup-name.ts";
import { formatLsn, type Lsn } from "../../delta/lsn.ts";
import type { TimelineHistory } from "../../wal/timeline-history.ts";
import type { BackupRequest } from "../adapter.ts";
import type { PostgresBackupOptions } from "./backup-options.ts";
import { type CatchupOffer, localTablespaces } from "./catchup-standby.ts";
import { chooseChangeRecord } from "./change-record.ts";
import type { ControlFile } from "./control-file.ts";
import type { DirectoryEntry } from "./data-directory.ts";
import { checkLayout, readHistory, UnusableParent } from "./delta-base.ts";
import { type Delta, pageGuardOf } from "./delta-begin.ts";
import { NO_MARK } from "./file-mark.ts";
import type { KnownFiles } from "./parent-files.ts";
import type { BackupStart, PostgresSession } from "./session.ts";
import type { TablespaceLink } from "./tablespace-links.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** A catchup has no parent: WAL-G names the empty text, and so must we. */
const NO_BACKUP = "" as BackupName;

/** Nothing is known of the standby's files but where it stands: every relation is looked at. */
const EVERY_FILE: KnownFiles = {
  has: () => false,
  mark: () => NO_MARK,
  numberOf: () => undefined,
  markAt: () => NO_MARK,
};

/** Of each server its own, and so left out, as WAL-G does. */
const SETTINGS: ReadonlySet<string> = new Set([
  "/postgresql.conf",
  "/postgresql.auto.conf",
  "/pg_hba.conf",
]);

/** A catchup that is asked for. */
export interface CatchupRequest {
  /** Where the standby stands: pages that changed from here on are taken. */
  readonly sinceLsn: Lsn;
  /** Told once, before anything is read, what is about to come; may refuse it. */
  onBegun?(offer: CatchupOffer, tablespaces: readonly TablespaceLink[]): Promise<void>;
  /** Told of each file of which an increment follows, before any byte of it. */
  onIncrement?(this: void, path: string): void;
}

/** A catchup, from the moment at which the server is in backup mode. */
export interface Catchup extends Delta {
  /** Oids. One that is made later is made again by the standby's replay, with all in it. */
  readonly tablespaces: ReadonlySet<string>;
}

export interface CatchupBegin {
  readonly dataDir: string;
  readonly control: ControlFile;
  /** In backup mode. */
  readonly server: PostgresSession;
  readonly start: BackupStart;
  readonly options: Pick<PostgresBackupOptions, "usesDeltaMaps" | "clock" | "log">;
  readonly request: Pick<BackupRequest, "journal" | "signal">;
}

/** An increment against a position of the WAL: what a standby that stands there lacks. */
export async function beginCatchup(
  { sinceLsn, onBegun }: CatchupRequest,
  begin: CatchupBegin,
): Promise<Catchup> {
  const { dataDir, control, server, start, options, request } = begin;
  const { clock, log } = options;
  const { journal, signal } = request;
  const { timeline, startLsn } = start;
  refuseLayout(control);
  if (sinceLsn > startLsn) {
    throw new DatabaseError(
      `the standby stands at ${formatLsn(sinceLsn)}, this server at ${formatLsn(startLsn)}`,
      { hint: "The standby is ahead; is the LSN right, and of this cluster?" },
    );
  }
  const tablespaces = localTablespaces(dataDir);
  const offer = {
    name: formatPostgresBackupName(start.segment, undefined),
    systemIdentifier: control.systemIdentifier,
    pgVersion: server.facts.versionNumber,
    timeline,
    sinceLsn,
    startLsn,
  };
  await onBegun?.(offer, tablespaces);
  const history = await historyOf(() => readHistory({ dataDir, timeline, journal, signal }));
  const record = await chooseChangeRecord({
    dataDir,
    server,
    sinceLsn,
    sinceTimeline: timelineAt(sinceLsn, timeline, history),
    start,
    history,
    usesDeltaMaps: options.usesDeltaMaps,
    journal,
    clock,
    log,
    signal,
  });
  const finder = record?.finder ?? "page-scan";
  log.info(`Catchup from LSN ${formatLsn(sinceLsn)}; changed pages are found by ${finder}`);
  const base = {
    parent: NO_BACKUP,
    full: NO_BACKUP,
    depth: 1,
    sinceLsn,
    timeline,
    finishLsn: sinceLsn,
    startedAtNs: undefined,
    files: EVERY_FILE,
    pageGuard: undefined,
  };
  const hasSilentChanges = pageGuardOf(server.facts) === "none";
  return {
    base,
    record,
    finder,
    hasSilentChanges,
    tablespaces: new Set(tablespaces.map(({ oid }) => oid)),
  };
}

/** Of the walk what the standby needs. */
export function* catchupEntries(
  entries: Iterable<DirectoryEntry>,
  { tablespaces }: Catchup,
): Generator<DirectoryEntry> {
  for (const entry of entries) {
    if (SETTINGS.has(entry.name)) continue;
    const tablespace = /^\/pg_tblspc\/([^/]+)\//.exec(entry.name)?.[1];
    // A tablespace without a link is a folder of the directory.
    const isWithin = tablespace === undefined || entry.localPath.endsWith(entry.name);
    if (isWithin || tablespaces.has(tablespace)) yield entry;
  }
}

/** Before the first switch that lies past it, the WAL there is of the timeline that was left. */
function timelineAt(lsn: Lsn, own: number, history: TimelineHistory | undefined): number {
  return history?.ancestors.find(({ switchLsn }) => lsn <= switchLsn)?.timeline ?? own;
}

function refuseLayout(control: ControlFile): void {
  try {
    checkLayout(control);
  } catch (error) {
    throw new DatabaseError(`no catchup is possible: ${messageOf(error)}`, { cause: error });
  }
}

/** Histories that contradict each other prove nothing: then pages are looked at. */
async function historyOf(read: () => Promise<TimelineHistory | undefined>) {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnusableParent) return undefined;
    throw error;
  }
}
