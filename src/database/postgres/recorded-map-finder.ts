import type { Clock } from "../../base/clock.ts";
import { CorruptObjectError, ToolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { forEachConcurrently } from "../../base/pool.ts";
import type { ChangeSink } from "../../delta/change-sink.ts";
import type { ChangeRecord } from "../../delta/changed-pages.ts";
import { DeltaMapReader } from "../../delta/delta-map.ts";
import type { Lsn } from "../../delta/lsn.ts";
import { MAIN_FORK } from "../../delta/wal-summary.ts";
import { SummaryRecord } from "../../delta/wal-summary-record.ts";
import { BlockReferences } from "../../wal/block-references.ts";
import { LONG_HEADER_BYTES } from "../../wal/page-header.ts";
import { RecordWalker } from "../../wal/record-walker.ts";
import { SegmentCheck } from "../../wal/segment-check.ts";
import { deltaMapName, groupStart } from "../../wal/segment-group.ts";
import { formatSegmentName, type Segment, type SegmentName } from "../../wal/segment-name.ts";
import type { TimelineHistory } from "../../wal/timeline-history.ts";
import { type TimelinePath, timelineOf, timelinePath } from "../../wal/timeline-path.ts";
import type { JournalReader } from "../adapter.ts";

/** A place in a cluster's WAL. */
interface WalPlace {
  readonly timeline: number;
  readonly startLsn: Lsn;
}

export interface MapRequest {
  readonly journal: Pick<JournalReader, "contains" | "open">;
  readonly server: {
    readonly majorVersion: number;
    readonly systemIdentifier: bigint;
    readonly walSegmentBytes: number;
    readonly blockBytes: number;
  };
  /** Where the changes begin; proven to lie on the way to `start`. */
  readonly parent: WalPlace;
  readonly start: WalPlace;
  /** Of the start's timeline; undefined for the first one of a cluster. */
  readonly history: TimelineHistory | undefined;
  /** How long the archiver may take to store the WAL up to the start of this backup. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** A record that is proven to tell of all the WAL in between, or why there is none. */
export type MapFinding =
  | {
      readonly kind: "record";
      readonly record: ChangeRecord;
      readonly maps: number;
      /** Segments that were read themselves, where no map covers them. */
      readonly segments: number;
    }
  | { readonly kind: "unproven"; readonly reason: string };

/**
 * Without a map are the end of the range, its beginning where recording began after it, and the
 * groups in which a timeline ends. With more the database's files are sooner looked through.
 */
const SEGMENTS_READ_MAX = 64;
const MAPS_READ_AT_ONCE = 4;
const POLL_MS = 200;

/**
 * Which blocks changed since the parent, as maps tell that were recorded while WAL was archived
 * (`WALG_USE_WAL_DELTA`), and the archived WAL itself where there is no map that names everything.
 */
export async function findByDeltaMaps(request: MapRequest): Promise<MapFinding> {
  const { parent, start, history, server, signal } = request;
  const path = timelinePath(start.timeline, history);
  const segments = segmentsOf(path, { parent, start }, server.walSegmentBytes);
  const first = path.findLast(({ begin }) => begin <= parent.startLsn);
  if (first?.timeline !== parent.timeline) {
    const reason = `timeline ${parent.timeline} of the parent does not lead to ${start.timeline}`;
    return { kind: "unproven", reason };
  }
  try {
    return await new MapReading(request).read(segments);
  } catch (error) {
    signal.throwIfAborted();
    // What cannot be read is no reason to lose the backup.
    if (!(error instanceof ToolError)) throw error;
    return { kind: "unproven", reason: error.message };
  }
}

/** The segments with records between two places, each of the timeline that has all of it. */
function segmentsOf(
  path: TimelinePath,
  { parent, start }: { readonly parent: WalPlace; readonly start: WalPlace },
  segmentBytes: number,
): readonly Segment[] {
  const size = BigInt(segmentBytes);
  // Nothing lies before the end in a segment of which only the header does.
  const hasRecords = start.startLsn % size > BigInt(LONG_HEADER_BYTES);
  const end = start.startLsn / size + (hasRecords ? 1n : 0n);
  const segments: Segment[] = [];
  for (let number = parent.startLsn / size; number < end; number += 1n) {
    segments.push({ timeline: timelineOf(path, number, segmentBytes), number });
  }
  return segments;
}

/** Segments that one map may cover. */
interface Group {
  readonly segments: readonly Segment[];
  /** undefined: its timelines differ, and no map covers it. */
  readonly mapName: string | undefined;
}

class MapReading {
  readonly #request: MapRequest;
  readonly #record: SummaryRecord;
  readonly #sink: RecordTarget;

  constructor(request: MapRequest) {
    this.#request = request;
    this.#record = new SummaryRecord({ pageBytes: request.server.blockBytes });
    this.#sink = new RecordTarget(this.#record);
  }

  async read(segments: readonly Segment[]): Promise<MapFinding> {
    const last = segments.at(-1);
    if (last !== undefined) await this.#waitFor(this.#name(last));
    const groups = this.#groupsOf(segments);
    const rests = await this.#readMaps(groups);
    const isRead = groups.map((_, index) => rests[index] === undefined);
    const segmentsRead = groups
      .filter((_, index) => isRead[index])
      .reduce((sum, group) => sum + group.segments.length, 0);
    if (segmentsRead > SEGMENTS_READ_MAX) {
      return {
        kind: "unproven",
        reason: `${segmentsRead} of ${segments.length} WAL files are in no map of changed blocks`,
      };
    }
    let walker: RecordWalker | undefined;
    for (const [index, group] of groups.entries()) {
      if (isRead[index] !== true) {
        walker = undefined;
        continue;
      }
      walker ??= this.#walkerAfter(group, rests[index - 1]);
      for (const segment of group.segments) await this.#readSegment(this.#name(segment), walker);
    }
    if (this.#sink.isEverything) {
      return { kind: "unproven", reason: "the server ran with wal_level = minimal meanwhile" };
    }
    const record = this.#record;
    const changedBlocks: ChangeRecord["changedBlocks"] = (file, count) =>
      record.changedBlocks(file, count);
    return {
      kind: "record",
      record: { finder: "delta-maps", changedBlocks },
      maps: groups.length - isRead.filter(Boolean).length,
      segments: segmentsRead,
    };
  }

  /** The archiver goes in order: with this one every earlier one is there. */
  async #waitFor(name: SegmentName): Promise<void> {
    const { journal, clock, waitMs, log, signal } = this.#request;
    const startMs = clock.monotonicMs();
    for (let isFirst = true; ; isFirst = false) {
      if (await journal.contains(name, signal)) return;
      if (clock.monotonicMs() - startMs >= waitMs) throw missing(name);
      if (isFirst) log.debug(`waiting for WAL file ${name} in the repository`);
      await clock.sleep(POLL_MS, signal);
    }
  }

  #groupsOf(segments: readonly Segment[]): readonly Group[] {
    const byStart = new Map<bigint, Segment[]>();
    for (const segment of segments) {
      const start = groupStart(segment.number);
      const members = byStart.get(start);
      if (members === undefined) byStart.set(start, [segment]);
      else members.push(segment);
    }
    return [...byStart].map(([number, members]) => {
      const timelines = new Set(members.map(({ timeline }) => timeline));
      const [timeline = 0] = timelines;
      const { walSegmentBytes } = this.#request.server;
      const name = deltaMapName({ timeline, number }, walSegmentBytes);
      return { segments: members, mapName: timelines.size === 1 ? name : undefined };
    });
  }

  /** The rest that each group's map ends with; undefined where no map names everything. */
  async #readMaps(groups: readonly Group[]): Promise<readonly (Uint8Array | undefined)[]> {
    const rests: (Uint8Array | undefined)[] = groups.map(() => undefined);
    const { signal } = this.#request;
    await forEachConcurrently(
      [...groups.entries()],
      { concurrencyMax: MAPS_READ_AT_ONCE, signal },
      async ([index, { mapName }], workSignal) => {
        if (mapName !== undefined) rests[index] = await this.#readMap(mapName, workSignal);
      },
    );
    return rests;
  }

  async #readMap(name: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { journal, log } = this.#request;
    const content = await journal.open(name, signal);
    if (content === undefined) return undefined;
    const reader = new DeltaMapReader(name, this.#sink);
    try {
      for await (const chunk of content) reader.update(chunk);
      const { isMarked, rest } = reader.finish();
      if (isMarked) return rest;
      log.debug(`${name} does not tell of truncated relations: the WAL is read instead`);
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error;
      log.warning(`${error.message}; the WAL is read instead`);
    }
    return undefined;
  }

  /** `rest` undefined: the group is the first, and the record that goes on there is too old. */
  #walkerAfter({ segments }: Group, rest: Uint8Array | undefined): RecordWalker {
    const walker = new RecordWalker(new BlockReferences(this.#sink));
    if (rest === undefined) return walker;
    const fault = walker.resume(rest, this.#request.server.majorVersion);
    if (fault === undefined) return walker;
    const [first] = segments;
    throw new CorruptObjectError(
      first === undefined ? "WAL" : this.#name(first),
      `the map before it ends with no start of a record: ${fault}`,
    );
  }

  async #readSegment(name: SegmentName, walker: RecordWalker): Promise<void> {
    const { journal, server, signal } = this.#request;
    const content = await journal.open(name, signal);
    if (content === undefined) throw missing(name);
    const owner = {
      systemIdentifier: server.systemIdentifier,
      segmentBytes: server.walSegmentBytes,
    };
    const check = new SegmentCheck(name, { owner, checksRecords: true, walker });
    for await (const chunk of content) check.update(chunk);
    if (!check.finish().isComplete) {
      throw new CorruptObjectError(name, "was archived before the server filled it");
    }
    walker.nextSegment();
  }

  #name(segment: Segment): SegmentName {
    return formatSegmentName(segment, this.#request.server.walSegmentBytes);
  }
}

function missing(name: string): ToolError {
  const message = `WAL file ${name} is not in the repository`;
  return new ToolError({ code: "journal-not-found", message });
}

/** Tells a record of what maps and WAL say. Forks that the record does not keep are main here. */
class RecordTarget implements ChangeSink {
  readonly #record: SummaryRecord;
  /** Relations come in runs. */
  #tablespace = 0;
  #database = 0;
  #relation = 0;
  isEverything = false;

  constructor(record: SummaryRecord) {
    this.#record = record;
  }

  block(tablespace: number, database: number, relation: number, block: number): void {
    const isSame =
      relation === this.#relation && database === this.#database && tablespace === this.#tablespace;
    if (!isSame) {
      this.#record.entry({
        tablespace,
        database,
        relation,
        fork: MAIN_FORK,
        limitBlock: undefined,
      });
      this.#tablespace = tablespace;
      this.#database = database;
      this.#relation = relation;
    }
    this.#record.block(block);
  }

  from(tablespace: number, database: number, relation: number, block: number): void {
    if (tablespace === 0) {
      this.isEverything = true;
      return;
    }
    this.#record.entry({ tablespace, database, relation, fork: MAIN_FORK, limitBlock: block });
    this.#relation = 0;
  }
}
