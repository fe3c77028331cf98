import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CorruptObjectError, messageOf } from "../../base/errors.ts";
import { tryLockFile } from "../../base/file-lock.ts";
import type { Logger } from "../../base/log.ts";
import { encodeDeltaMap } from "../../delta/delta-map.ts";
import { DeltaMapList } from "../../delta/delta-map-list.ts";
import { SegmentBlocks, SegmentJoin } from "../../wal/segment-blocks.ts";
import { deltaMapName, GROUP_SEGMENTS, groupNames, groupStart } from "../../wal/segment-group.ts";
import {
  formatSegmentName,
  isSegmentName,
  parseSegmentName,
  type Segment,
  segmentStart,
} from "../../wal/segment-name.ts";
import type { JournalFile } from "../journal.ts";
import { decodePiece, encodePiece, type SegmentPiece } from "./segment-piece.ts";

/** Pieces of groups that did not come together are kept for so many segments more. */
const KEPT_SEGMENTS = 5n * GROUP_SEGMENTS;

export interface DeltaMapRecorderOptions {
  /** Where pieces wait. */
  readonly directory: string;
  /** Stores a map beside the archived WAL; one that is there already is replaced. */
  readonly store: (name: string, map: Uint8Array, signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
}

/**
 * Records which blocks archived WAL changed (`WALG_USE_WAL_DELTA`). Each segment leaves a piece of
 * its own in `directory`, a pure function of the segment: in whatever order, by whatever process
 * and however often segments are archived, nobody waits for anybody. Whoever finds the 16 pieces
 * of a map complete stores it as `wal_005/<first segment>_delta`.
 *
 * A map that is missing costs a slower delta backup; archiving must never pay for it. So nothing
 * here rejects: what fails is logged.
 */
export class DeltaMapRecorder {
  readonly #options: DeltaMapRecorderOptions;
  /** Of this run; undefined until a segment was recorded. */
  #segmentBytes: number | undefined;
  #newest = 0n;

  constructor(options: DeltaMapRecorderOptions) {
    this.#options = options;
  }

  /** A file was stored. Only whole segments are recorded. */
  async record(file: JournalFile, signal: AbortSignal): Promise<void> {
    const { name } = file;
    if (!isSegmentName(name) || signal.aborted) return;
    const { directory, log } = this.#options;
    try {
      const changes = new DeltaMapList();
      const blocks = new SegmentBlocks(name, { owner: {}, sink: changes });
      for await (const chunk of file.source.open(signal)) blocks.update(chunk);
      const edges = blocks.finish();
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(join(directory, name), encodePiece(edges, changes), { mode: 0o600 });
      this.#segmentBytes = file.sizeBytes;
      const number = edges.address / BigInt(file.sizeBytes);
      if (number > this.#newest) this.#newest = number;
    } catch (error) {
      if (signal.aborted) return;
      log.warning(`changed blocks of WAL file ${name} are not recorded: ${messageOf(error)}`);
    }
  }

  /** The end of a run: stores every map that is complete, and forgets what never will be. */
  async finish(signal: AbortSignal): Promise<void> {
    const segmentBytes = this.#segmentBytes;
    if (segmentBytes === undefined) return;
    const { directory, log } = this.#options;
    try {
      const names = new Set(readdirSync(directory).filter(isSegmentName));
      this.#prune(names, segmentBytes);
      const complete = completeGroups(names, segmentBytes);
      if (complete.length === 0) return;
      // Another run may have the same pieces before it; one of the two is enough.
      using lock = await tryLockFile(join(directory, "lock"));
      if (lock === undefined) return;
      for (const first of complete) await this.#storeGroup(first, segmentBytes, signal);
    } catch (error) {
      if (!signal.aborted)
        log.warning(`maps of changed blocks are not stored: ${messageOf(error)}`);
    }
  }

  #prune(names: Set<string>, segmentBytes: number): void {
    for (const name of names) {
      const segment = isSegmentName(name) ? parseSegmentName(name, segmentBytes) : undefined;
      if (segment !== undefined && segment.number + KEPT_SEGMENTS > this.#newest) continue;
      rmSync(join(this.#options.directory, name), { force: true });
      names.delete(name);
    }
  }

  async #storeGroup(first: Segment, segmentBytes: number, signal: AbortSignal): Promise<void> {
    const { directory, log, store } = this.#options;
    const name = deltaMapName(first, segmentBytes);
    const names = groupNames(first, segmentBytes);
    const before = { ...first, number: first.number - 1n };
    const nameBefore = first.number > 0n ? formatSegmentName(before, segmentBytes) : undefined;
    try {
      const map = this.#joinGroup(names, nameBefore, segmentBytes);
      if (map === undefined) {
        log.debug(`${name}: the start of its first record is not known`);
        return;
      }
      await store(name, map, signal);
      log.debug(`${name}: ${map.byteLength} bytes stored`);
    } catch (error) {
      if (signal.aborted) return;
      log.warning(`map of changed blocks ${name} is not stored: ${messageOf(error)}`);
      // A storage may answer next time; pieces that do not fit together never will.
      if (!(error instanceof CorruptObjectError)) return;
    }
    // The last piece is where the next group's first record may begin, whenever that comes.
    for (const piece of names.slice(0, -1)) rmSync(join(directory, piece), { force: true });
  }

  #joinGroup(
    names: readonly string[],
    nameBefore: string | undefined,
    segmentBytes: number,
  ): Uint8Array | undefined {
    const changes = new DeltaMapList();
    const segments = new SegmentJoin(changes);
    const before = nameBefore === undefined ? undefined : this.#piece(nameBefore, segmentBytes);
    if (before !== undefined) segments.startAfter(before.edges);
    for (const [index, name] of names.entries()) {
      const piece = this.#piece(name, segmentBytes);
      if (piece === undefined) return undefined;
      if (index === 0 && before === undefined && piece.edges.tail.byteLength > 0) return undefined;
      segments.add(name, piece.edges);
      piece.tell(changes);
    }
    return encodeDeltaMap({ blocks: changes.blocks, limits: changes.limits, rest: segments.rest });
  }

  /** undefined: there is none, or only what a crash or a cluster of another shape left. */
  #piece(name: string, segmentBytes: number): SegmentPiece | undefined {
    try {
      const piece = decodePiece(name, readFileSync(join(this.#options.directory, name)));
      const segment = isSegmentName(name) ? parseSegmentName(name, segmentBytes) : undefined;
      const start = segment === undefined ? undefined : segmentStart(segment, segmentBytes);
      return piece.edges.address === start ? piece : undefined;
    } catch {
      // What is missing or torn is no piece.
      return undefined;
    }
  }
}

/** The first segments of groups of which every piece is there. */
function completeGroups(names: ReadonlySet<string>, segmentBytes: number): readonly Segment[] {
  return [...names].sort().flatMap((name) => {
    const segment = isSegmentName(name) ? parseSegmentName(name, segmentBytes) : undefined;
    if (segment === undefined || groupStart(segment.number) !== segment.number) return [];
    return groupNames(segment, segmentBytes).every((each) => names.has(each)) ? [segment] : [];
  });
}
