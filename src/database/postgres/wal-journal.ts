import { basename } from "node:path";
import { CorruptObjectError } from "../../base/errors.ts";
import { type OpenFile, openFile } from "../../stream/file-source.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import { parseWalFileName, type WalFileName } from "../../wal/file-name.ts";
import { LONG_HEADER_BYTES } from "../../wal/page-header.ts";
import { checkFirstPage, SegmentCheck, type SegmentOwner } from "../../wal/segment-check.ts";
import type { SegmentName } from "../../wal/segment-name.ts";
import { parseTimelineHistory } from "../../wal/timeline-history.ts";
import type { JournalFile } from "../journal.ts";

/** History and backup files are a few lines; anything longer is something else. */
export const SMALL_FILE_BYTES_MAX = 1 << 20;

/**
 * Opens a file that is to be archived and proves that it is what its name says: a segment by its
 * first page and its size (the other pages while they are read), small files by their text.
 */
export function openWalFile(path: string, owner: SegmentOwner): JournalFile {
  const name = basename(path);
  const parsed = parseWalFileName(name);
  if (parsed === undefined) {
    throw new InvalidJournalError(
      path,
      "is not the name of a WAL file",
      "Segments, .partial, .history and .backup files are archived.",
    );
  }
  const file = openFile(path);
  try {
    if (file.sizeBytes === 0) throw new InvalidJournalError(path, "is empty");
    checkBeginning(file, parsed, owner);
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
  let isUnfinished = false;
  const checked = (segment: SegmentName) =>
    checkedSource(file, { name: segment, owner }, (isComplete) => {
      isUnfinished = !isComplete;
    });
  return {
    name,
    path,
    sizeBytes: file.sizeBytes,
    modifiedAt: file.modifiedAt,
    source: parsed.kind === "segment" ? checked(parsed.name) : file.source,
    isIrreplaceable: parsed.kind === "history",
    isUnfinished: () => isUnfinished,
    isInPlace: () => file.isInPlace(),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

/** Text of a `.history` or `.backup` file against its name. */
export function checkSmallFile(name: string, parsed: WalFileName, bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  if (parsed.kind === "history") {
    parseTimelineHistory(text, { timeline: parsed.timeline, name });
  } else if (parsed.kind === "backup") {
    const line = `START WAL LOCATION: `;
    if (!text.startsWith(line) || !text.includes(`(file ${parsed.segment})`)) {
      throw new InvalidJournalError(name, "is not the history of the backup that it names");
    }
  }
}

function checkBeginning(file: OpenFile, parsed: WalFileName, owner: SegmentOwner): void {
  if (parsed.kind === "segment" || parsed.kind === "partial") {
    const segment = parsed.kind === "segment" ? parsed.name : parsed.segment;
    const header = checkFirstPage(segment, file.head(LONG_HEADER_BYTES), owner);
    if (file.sizeBytes === header.segmentBytes) return;
    throw new InvalidJournalError(
      file.path,
      `has ${file.sizeBytes} bytes, a segment of this cluster has ${header.segmentBytes}`,
    );
  }
  if (file.sizeBytes > SMALL_FILE_BYTES_MAX) {
    throw new InvalidJournalError(file.path, `has ${file.sizeBytes} bytes, too many for its kind`);
  }
  checkSmallFile(file.path, parsed, file.head(file.sizeBytes));
}

function checkedSource(
  file: OpenFile,
  facts: { readonly name: SegmentName; readonly owner: SegmentOwner },
  onEnd: (isComplete: boolean) => void,
): JournalFile["source"] {
  return {
    sizeBytes: file.sizeBytes,
    replayable: true,
    async *open(signal) {
      const check = new SegmentCheck(facts.name, { owner: facts.owner, checksRecords: false });
      for await (const chunk of file.source.open(signal)) {
        ownFault(file.path, facts.name, () => check.update(chunk));
        yield chunk;
      }
      onEnd(ownFault(file.path, facts.name, () => check.finish()).isComplete);
    },
  };
}

/** What is damaged here is the server's file, and nothing in storage. */
function ownFault<T>(path: string, name: SegmentName, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof CorruptObjectError)) throw error;
    throw new CorruptObjectError(path, error.message.replace(`${name}: `, ""), {
      hint:
        "The server's own file is damaged, and was not stored. Check the disk and the server's " +
        "log; take a new full backup, since recovery cannot pass this segment.",
      cause: error,
    });
  }
}
