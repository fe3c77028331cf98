import { CorruptObjectError } from "../../base/errors.ts";
import { parsePostgresBackupName } from "../../catalog/backup-name.ts";
import type { Sentinel } from "../../catalog/sentinel.ts";
import { type Lsn, laterLsn } from "../../delta/lsn.ts";
import type { ClosedWalRange } from "../../wal/archived-range.ts";
import { formatSegmentName, segmentAt, segmentBefore } from "../../wal/segment-name.ts";
import { decodePostgresSentinel } from "./sentinel-document.ts";

const SEGMENT_BYTES_MIN = 1 << 20;
const SEGMENT_BYTES_MAX = 1 << 30;

/**
 * The WAL without which the backup does not become consistent: from the segment that it is named
 * after to the one that holds its last record. Nothing of a backup says how large its server's
 * segments are, but name and LSN of its start do; where several sizes fit, `usualBytes` decides.
 */
export function walOfBackup(sentinel: Sentinel, usualBytes: number): ClosedWalRange {
  const { startLsn, finishLsn } = decodePostgresSentinel(sentinel);
  const named = parsePostgresBackupName(sentinel.name);
  if (named === undefined || startLsn === undefined || finishLsn === undefined) {
    throw new CorruptObjectError(
      `sentinel of ${sentinel.name}`,
      "does not say from where to where WAL is needed",
      { hint: "Was it written by WAL-E? Its objects can be copied with st copy." },
    );
  }
  const { segment: first, timeline } = named;
  const fits = sizes().filter((bytes) => isNamedSo(first, { startLsn, timeline, bytes }));
  const segmentBytes = fits.includes(usualBytes) ? usualBytes : fits[0];
  if (segmentBytes === undefined) {
    throw new CorruptObjectError(
      `sentinel of ${sentinel.name}`,
      "the start of the backup does not lie in the segment of its name",
    );
  }
  const end = segmentBefore(laterLsn(startLsn, finishLsn), timeline, segmentBytes);
  return { first, last: formatSegmentName(end, segmentBytes), segmentBytes };
}

function sizes(): number[] {
  const found: number[] = [];
  for (let bytes = SEGMENT_BYTES_MIN; bytes <= SEGMENT_BYTES_MAX; bytes *= 2) found.push(bytes);
  return found;
}

/** At the very start of a segment the server names it after the one before. */
function isNamedSo(
  name: string,
  place: { readonly startLsn: Lsn; readonly timeline: number; readonly bytes: number },
): boolean {
  const { startLsn, timeline, bytes } = place;
  return [segmentAt, segmentBefore].some(
    (locate) => formatSegmentName(locate(startLsn, timeline, bytes), bytes) === name,
  );
}
