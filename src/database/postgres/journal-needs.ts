import type { Logger } from "../../base/log.ts";
import { type Lsn, parseLsn } from "../../delta/lsn.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import { checkFirstPage } from "../../wal/segment-check.ts";
import {
  formatSegmentName,
  isSegmentName,
  nextSegment,
  parseSegmentName,
  segmentAt,
  segmentBefore,
} from "../../wal/segment-name.ts";
import type { BackupStart, PostgresSession } from "./session.ts";

/** Names of the WAL files that hold every byte from `startLsn` up to, not including, `stopLsn`. */
export function journalBetween(
  startLsn: Lsn,
  stopLsn: Lsn,
  options: { readonly timeline: number; readonly walSegmentBytes: number },
): readonly string[] {
  const { timeline, walSegmentBytes } = options;
  const last = segmentBefore(stopLsn, timeline, walSegmentBytes);
  const names: string[] = [];
  let segment = segmentAt(startLsn, timeline, walSegmentBytes);
  for (; segment.number <= last.number; segment = nextSegment(segment)) {
    names.push(formatSegmentName(segment, walSegmentBytes));
  }
  return names;
}

/** Another cluster may archive to the same place: its file of the same name proves nothing. */
export function checkServersJournal(
  name: string,
  head: Uint8Array,
  server: { readonly systemIdentifier: bigint; readonly walSegmentBytes: number },
): void {
  const { systemIdentifier, walSegmentBytes: segmentBytes } = server;
  if (!isSegmentName(name)) throw new InvalidJournalError(name, "not the name of a WAL segment");
  checkFirstPage(name, head, { systemIdentifier, segmentBytes });
}

/**
 * The WAL file whose arrival in the repository proves that archiving works. On a primary the
 * present file is ended, so that it can arrive: the one in which the backup starts. A user who
 * may not do that gets the file before, which the start of the backup has ended. A standby
 * cannot end a file: its start file counts when replay has left it behind.
 */
export async function firstJournalOf(
  server: PostgresSession,
  start: BackupStart,
  options: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const { walSegmentBytes, isInRecovery } = server.facts;
  const { log, signal } = options;
  if (!isInRecovery) {
    const switched = await server.switchWal(signal);
    if (switched !== undefined) return switched;
    log.debug("this user may not switch WAL files: the last complete one proves the archive");
    const own = parseSegmentName(start.segment, walSegmentBytes);
    if (own === undefined || own.number < 2n) return undefined;
    return formatSegmentName({ ...own, number: own.number - 1n }, walSegmentBytes);
  }
  const [row] = await server.query("SELECT pg_last_wal_replay_lsn()", signal);
  const replayed = row?.[0];
  if (typeof replayed === "string") {
    const startSegment = segmentAt(start.startLsn, start.timeline, walSegmentBytes);
    const present = segmentBefore(parseLsn(replayed), start.timeline, walSegmentBytes);
    if (present.number > startSegment.number) return start.segment;
  }
  log.info("the standby has not left its first WAL file: archiving is proven at the end");
  return undefined;
}
