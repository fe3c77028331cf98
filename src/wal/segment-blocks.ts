import { CorruptObjectError } from "../base/errors.ts";
import type { ChangeSink } from "../delta/change-sink.ts";
import type { Lsn } from "../delta/lsn.ts";
import { BlockReferences } from "./block-references.ts";
import { PAGE_FLAG } from "./page-header.ts";
import { RecordWalker } from "./record-walker.ts";
import { SegmentCheck, type SegmentOwner } from "./segment-check.ts";
import type { SegmentName } from "./segment-name.ts";

/** What of a segment that is seen alone belongs to records of its neighbours. */
export interface SegmentEdges {
  readonly majorVersion: number;
  readonly address: Lsn;
  /** Bytes at its start that go on with a record of the segment before. */
  readonly tail: Uint8Array;
  /** That record ends here; false: it fills the whole segment and goes on after it. */
  readonly endsTail: boolean;
  /** The server gave up the record that the segment before may end with. */
  readonly isOverwrite: boolean;
  /** Bytes at its end of a record that goes on in the next segment. */
  readonly head: Uint8Array;
}

/** A longer record over the end of a segment is left to readers of the WAL itself. */
const EDGE_BYTES_MAX = 16 << 20;
const NOTHING = new Uint8Array(0);

/**
 * Reads one segment without its neighbours: tells the sink of the records that lie in it, and
 * keeps the bytes of those that do not. Damage throws, and so does a segment that is not full.
 */
export class SegmentBlocks {
  readonly #name: SegmentName;
  readonly #references: EdgeKeeper;
  readonly #walker: RecordWalker;
  readonly #check: SegmentCheck;

  constructor(
    name: SegmentName,
    options: { readonly owner: SegmentOwner; readonly sink: ChangeSink },
  ) {
    const { owner, sink } = options;
    this.#name = name;
    this.#references = new EdgeKeeper(sink);
    this.#walker = new RecordWalker(this.#references);
    this.#check = new SegmentCheck(name, { owner, checksRecords: true, walker: this.#walker });
  }

  /** Takes the next bytes; throws at the first fault. */
  update(chunk: Uint8Array): void {
    this.#check.update(chunk);
  }

  finish(): SegmentEdges {
    const { isComplete } = this.#check.finish();
    const first = this.#check.firstHeader;
    if (!isComplete || first === undefined) {
      throw new CorruptObjectError(this.#name, "the server did not fill the segment");
    }
    const { skippedBytes, hasBegun } = this.#references;
    const tail = this.#references.tail();
    const head = this.#walker.isInRecord ? this.#references.unfinished() : NOTHING;
    if (head === undefined || tail.byteLength !== skippedBytes) {
      throw new CorruptObjectError(this.#name, "has a record that is too long to be kept");
    }
    const endsTail = first.continuationBytes === skippedBytes;
    // Records follow one that did not end: the server crashed inside it, and wrote over its rest.
    const isGivenUp = !endsTail && hasBegun;
    return {
      majorVersion: first.majorVersion,
      address: first.address,
      tail: isGivenUp ? NOTHING : tail,
      endsTail: endsTail || isGivenUp,
      isOverwrite: isGivenUp || (first.flags & PAGE_FLAG.firstIsOverwrite) !== 0,
      head,
    };
  }
}

class EdgeKeeper extends BlockReferences {
  readonly #pieces: Uint8Array[] = [];
  skippedBytes = 0;
  hasBegun = false;

  override begin(lsnHigh: number, lsnLow: number, majorVersion: number): void {
    this.hasBegun = true;
    super.begin(lsnHigh, lsnLow, majorVersion);
  }

  skipped(page: Uint8Array, start: number, end: number): void {
    this.skippedBytes += end - start;
    if (this.skippedBytes <= EDGE_BYTES_MAX) this.#pieces.push(page.slice(start, end));
  }

  tail(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}

/** Puts the records together that go over the ends of segments, from segments read alone. */
export class SegmentJoin {
  readonly #sink: ChangeSink;
  /** What is there of a record that goes on; undefined: unknown, its start was not seen. */
  #pending: Uint8Array | undefined;

  constructor(sink: ChangeSink) {
    this.#sink = sink;
  }

  /** The unfinished record at the end of the last segment. */
  get rest(): Uint8Array {
    if (this.#pending === undefined) throw new TypeError("assertion failed: no segment was added");
    return this.#pending;
  }

  /** The segment before the first one: only what it ends with counts. */
  startAfter(edges: SegmentEdges): void {
    this.#pending = edges.endsTail ? edges.head : undefined;
  }

  /** `name` is for errors. Throws when the segment does not go on where the last one ended. */
  add(name: string, edges: SegmentEdges): void {
    const pending = this.#pending;
    const goesOn = edges.tail.byteLength > 0;
    if (goesOn && pending === undefined) {
      throw new CorruptObjectError(name, "begins inside a record whose start is not known");
    }
    const isCut = pending !== undefined && pending.byteLength > 0 && !goesOn && !edges.isOverwrite;
    if (isCut) throw new CorruptObjectError(name, "does not go on with the record before it");
    this.#pending = goesOn && pending !== undefined ? this.#goOn(name, pending, edges) : edges.head;
  }

  #goOn(name: string, pending: Uint8Array, edges: SegmentEdges): Uint8Array {
    const bytes = Buffer.concat([pending, edges.tail]);
    if (bytes.byteLength > EDGE_BYTES_MAX) {
      throw new CorruptObjectError(name, "has a record that is too long to be kept");
    }
    const references = new BlockReferences(this.#sink);
    references.resume(edges.majorVersion);
    const isHeadless = pending.byteLength < 8;
    const fault = isHeadless
      ? "record has no length"
      : references.piece(bytes, 0, bytes.byteLength);
    const isWhole = fault === undefined && references.missingBytes() === 0;
    const wrong = fault ?? (isWhole ? references.finish() : undefined);
    if (wrong !== undefined) throw new CorruptObjectError(name, wrong);
    if (isWhole !== edges.endsTail) {
      throw new CorruptObjectError(name, "does not go on where the segment before it ended");
    }
    return isWhole ? edges.head : new Uint8Array(bytes);
  }
}
