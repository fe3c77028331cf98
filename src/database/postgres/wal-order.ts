import { formatLsn } from "../../delta/lsn.ts";
import { concatBytes } from "../../stream/byte-stream.ts";
import { openFile } from "../../stream/file-source.ts";
import { InvalidJournalError } from "../../wal/errors.ts";
import {
  historyFileName,
  parseWalFileName,
  segmentOfObject,
  type WalFileName,
} from "../../wal/file-name.ts";
import { LONG_HEADER_BYTES } from "../../wal/page-header.ts";
import { checkFirstPage, SegmentCheck, type SegmentOwner } from "../../wal/segment-check.ts";
import {
  formatSegmentName,
  isSegmentName,
  nextSegment,
  parseSegmentName,
  type SegmentName,
  segmentAt,
} from "../../wal/segment-name.ts";
import { parseTimelineHistory, switchPointOf } from "../../wal/timeline-history.ts";
import type { ContentCheck, JournalListing, JournalOrder } from "../journal.ts";
import { checkSmallFile, SMALL_FILE_BYTES_MAX } from "./wal-journal.ts";

const DEFAULT_SEGMENT_BYTES = 16 << 20;

/** The order and the content of WAL files, as far as the cluster is known. */
export class WalOrder implements JournalOrder {
  readonly #owner: SegmentOwner;
  readonly #segmentBytes: number;

  /** `fallbackSegmentBytes`: the PG_WAL_SIZE setting, for where no pg_control tells. */
  constructor(owner: SegmentOwner, fallbackSegmentBytes: number | undefined) {
    this.#owner = owner;
    this.#segmentBytes = owner.segmentBytes ?? fallbackSegmentBytes ?? DEFAULT_SEGMENT_BYTES;
  }

  check(name: string, options: { readonly isChecksummed: boolean }): ContentCheck {
    const parsed = parseWalFileName(name);
    if (parsed === undefined) return new UnknownFile();
    if (parsed.kind === "segment") {
      const checksRecords = !options.isChecksummed;
      return new SegmentCheck(parsed.name, { owner: this.#owner, checksRecords });
    }
    if (parsed.kind === "partial") return new PartialSegment(parsed.segment, this.#owner);
    return new SmallFile(name, parsed);
  }

  following(name: string, count: number): readonly string[] {
    if (!isSegmentName(name)) return [];
    let segment = parseSegmentName(name, this.#segmentBytes);
    const names: string[] = [];
    while (segment !== undefined && names.length < count) {
      segment = nextSegment(segment);
      names.push(formatSegmentName(segment, this.#segmentBytes));
    }
    return names;
  }

  /**
   * A later segment of the same timeline proves a hole, if the name is not from before the
   * timeline began: servers may ask for those, and they never existed.
   */
  async hole(
    name: string,
    archive: JournalListing,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (!isSegmentName(name)) return undefined;
    const timeline = name.slice(0, 8);
    const later = await firstSegment(archive.names(timeline, name, signal));
    if (later === undefined) return undefined;
    if (Number.parseInt(timeline, 16) > 1) {
      const first = await firstSegment(archive.names(timeline, undefined, signal));
      const hasEarlier = first !== undefined && first < name;
      if (!hasEarlier && !(await this.#isOfTimeline(name, archive, signal))) return undefined;
    }
    return `${later} of the same timeline is stored`;
  }

  checkReadAhead(name: string, path: string): void {
    if (!isSegmentName(name)) throw new InvalidJournalError(path, "is not a WAL segment");
    using file = openFile(path);
    const header = checkFirstPage(name, file.head(LONG_HEADER_BYTES), this.#owner);
    if (file.sizeBytes === header.segmentBytes) return;
    throw new InvalidJournalError(path, `has ${file.sizeBytes} bytes`);
  }

  /** Whether the timeline had begun in that segment, by its history file. */
  async #isOfTimeline(
    name: SegmentName,
    archive: JournalListing,
    signal: AbortSignal,
  ): Promise<boolean> {
    const timeline = Number.parseInt(name.slice(0, 8), 16);
    const historyName = historyFileName(timeline);
    const bytes = await archive.small(historyName, signal);
    if (bytes === undefined) return false;
    const text = new TextDecoder().decode(bytes);
    const history = parseTimelineHistory(text, { timeline, name: historyName });
    const parent = history.ancestors.at(-1);
    if (parent === undefined) return false;
    const switchLsn = switchPointOf(history, parent.timeline);
    if (switchLsn === undefined) return false;
    const segment = parseSegmentName(name, this.#segmentBytes);
    if (segment === undefined) {
      throw new InvalidJournalError(name, `is no segment of a cluster at ${formatLsn(switchLsn)}`);
    }
    return segment.number >= segmentAt(switchLsn, timeline, this.#segmentBytes).number;
  }
}

async function firstSegment(names: AsyncIterable<string>): Promise<string | undefined> {
  for await (const name of names) {
    const segment = segmentOfObject(name);
    if (segment !== undefined) return segment;
  }
  return undefined;
}

/** A `.partial`: its first page must fit, what follows its end is whatever the file was before. */
class PartialSegment implements ContentCheck {
  readonly #segment: SegmentName;
  readonly #owner: SegmentOwner;
  readonly #head = new Uint8Array(LONG_HEADER_BYTES);
  #sizeBytes = 0;

  constructor(segment: SegmentName, owner: SegmentOwner) {
    this.#segment = segment;
    this.#owner = owner;
  }

  update(chunk: Uint8Array): void {
    if (this.#sizeBytes < LONG_HEADER_BYTES) {
      const wanted = LONG_HEADER_BYTES - this.#sizeBytes;
      this.#head.set(chunk.subarray(0, wanted), this.#sizeBytes);
    }
    this.#sizeBytes += chunk.byteLength;
  }

  finish(): { readonly isComplete: boolean } {
    const head = this.#head.subarray(0, Math.min(this.#sizeBytes, LONG_HEADER_BYTES));
    const header = checkFirstPage(this.#segment, head, this.#owner);
    if (this.#sizeBytes > header.segmentBytes) {
      throw new InvalidJournalError(`${this.#segment}.partial`, `has ${this.#sizeBytes} bytes`);
    }
    return { isComplete: true };
  }
}

class SmallFile implements ContentCheck {
  readonly #name: string;
  readonly #parsed: WalFileName;
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(name: string, parsed: WalFileName) {
    this.#name = name;
    this.#parsed = parsed;
  }

  update(chunk: Uint8Array): void {
    this.#sizeBytes += chunk.byteLength;
    if (this.#sizeBytes > SMALL_FILE_BYTES_MAX) {
      throw new InvalidJournalError(this.#name, "is too long for its kind");
    }
    // `slice` of a Buffer would not copy.
    this.#chunks.push(new Uint8Array(chunk));
  }

  finish(): { readonly isComplete: boolean } {
    checkSmallFile(this.#name, this.#parsed, concatBytes(this.#chunks));
    return { isComplete: true };
  }
}

/** A name that PostgreSQL does not archive: whatever it holds is somebody else's matter. */
class UnknownFile implements ContentCheck {
  update(): void {}

  finish(): { readonly isComplete: boolean } {
    return { isComplete: true };
  }
}
