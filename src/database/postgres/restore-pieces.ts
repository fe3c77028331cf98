import { CorruptObjectError } from "../../base/errors.ts";
import { GarbagePace } from "../../base/garbage.ts";
import { ContentHasher, PAGE_LEAF_BYTES, PLAIN_LEAF_BYTES } from "../../stream/content-hash.ts";
import { Pace } from "../../stream/turn.ts";
import type { PartEntry, PartReceipt } from "../../transfer/stored-part.ts";
import type { PartPieces, PartSpan } from "../adapter.ts";
import { WholeEntry } from "./restore-entry.ts";
import { NeedsFinder } from "./restore-needs.ts";
import type { PartRules } from "./restore-parts.ts";
import { targetPathOf } from "./restore-tree.ts";
import { PartWrites } from "./restore-writes.ts";

/** Above this part of it, an object is read from its start: that proves it as a whole. */
const PIECES_SHARE_MAX = 0.6;

/** Local bytes that are compared between two looks at everything else. */
const TURN_BYTES = 32 << 20;

export interface PiecesRequest {
  readonly name: string;
  readonly receipt: PartReceipt;
  /** undefined: the part can only be read from its start. */
  pieces(): Promise<PartPieces | undefined>;
  readonly signal: AbortSignal;
}

/**
 * Restores a part from those pieces of it that the target lacks; where it lacks none, nothing is
 * fetched. Each page, or each file that has no pages, is compared with its hash in the receipts.
 * false: nothing was done, the part has to be read from its start.
 */
export async function restoreFromPieces(
  request: PiecesRequest,
  rules: PartRules,
): Promise<boolean> {
  const needs = await findNeeds(request, rules);
  if (needs === undefined) return false;
  const { object, entries } = request.receipt;
  const spans = needs.flatMap(({ entry, spans: own }) =>
    own.map(({ start, end }) => ({ start: entry.offset + start, end: entry.offset + end })),
  );
  const neededBytes = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  let pieces: PartPieces | undefined;
  if (neededBytes > 0) {
    if (neededBytes > object.plainBytes * PIECES_SHARE_MAX) return false;
    pieces = await request.pieces();
    if (pieces === undefined) return false;
    const isMost = pieces.storedBytesOf(spans) > object.storedBytes * PIECES_SHARE_MAX;
    // In a directory with an earlier state, everything would be read and compared once more.
    if (isMost && !rules.tree.isCompared) return false;
  }
  for (const entry of entries) restorePlain(entry, request.name, rules);
  const writer = new PiecesWriter(request.name, needs, rules);
  try {
    if (pieces !== undefined) await writer.write(pieces.read(spans, request.signal));
    await writer.finish();
  } finally {
    await writer.close();
  }
  for (const { path } of entries) {
    if (rules.files.wants(path)) rules.files.markRestored(path, undefined);
  }
  return true;
}

/** A file of the part, and the pieces of its content that have to be fetched. */
interface EntryNeeds {
  readonly entry: PartEntry;
  readonly place: string;
  readonly mode: number;
  readonly spans: readonly PartSpan[];
}

/** undefined: something in the part needs it whole. */
async function findNeeds(
  { name, receipt, signal }: PiecesRequest,
  rules: PartRules,
): Promise<readonly EntryNeeds[] | undefined> {
  const { files, tree } = rules;
  using finder = new NeedsFinder({ isCompared: tree.isCompared, signal });
  const pace = new Pace(TURN_BYTES);
  const garbage = new GarbagePace();
  const needs: EntryNeeds[] = [];
  const entries = receipt.entries.toSorted((a, b) => a.offset - b.offset);
  for (const entry of entries) {
    const { path, kind, mode, sizeBytes } = entry;
    const isFile = kind === "whole" || kind === "increment";
    if (!files.wants(path)) {
      if (!isFile && files.isNewest && mode === undefined) return undefined;
      continue;
    }
    const target = targetPathOf(path, name);
    const place = isFile ? rules.place(target) : undefined;
    if (isFile && (place === undefined || !files.needsMore(path))) continue;
    if (kind === "increment" || mode === undefined) return undefined;
    if (place === undefined) continue;
    const written = files.writtenPages(path);
    const isPaged = entry.pageHashes !== undefined;
    if (written !== undefined && (!isPaged || written.pageBytes !== PAGE_LEAF_BYTES)) {
      return undefined;
    }
    const fullPath = tree.pathOf(place);
    // Not through a link: it gives way before the file is written, and with it what was compared.
    if (tree.isCompared) tree.makeParents(place);
    needs.push({ entry, place, mode, spans: await finder.needs({ entry, fullPath, written }) });
    await pace.passed(tree.isCompared ? sizeBytes : 0);
    signal.throwIfAborted();
    garbage.passed();
  }
  return needs;
}

/** Directories and links; and what is not wanted is told. */
function restorePlain(entry: PartEntry, what: string, rules: PartRules): void {
  const { files, tree, onUnwanted } = rules;
  const { path, kind, mode, linkTarget, sizeBytes } = entry;
  const target = targetPathOf(path, what);
  if (kind === "directory") {
    if (files.isNewest) tree.directory(target, mode);
  } else if (kind === "link") {
    if (files.isNewest && !tree.isTablespace(target)) tree.link(target, linkTarget ?? "");
  } else if (!files.wants(path)) {
    onUnwanted?.(target, kind === "increment" ? undefined : sizeBytes);
  }
}

/** Brings the pieces to their places, file after file. */
class PiecesWriter {
  readonly #what: string;
  readonly #needs: readonly EntryNeeds[];
  readonly #rules: PartRules;
  readonly #writes: PartWrites;
  /** Next file, its open sink, and the next of its pieces. */
  #index = 0;
  #sink: WholeEntry | undefined;
  #span = 0;
  #hasher: ContentHasher | undefined;

  constructor(what: string, needs: readonly EntryNeeds[], rules: PartRules) {
    this.#what = what;
    this.#needs = needs;
    this.#rules = rules;
    this.#writes = new PartWrites(rules.syncer);
  }

  async write(
    placed: AsyncIterable<{ readonly position: number; readonly bytes: Uint8Array }>,
  ): Promise<void> {
    for await (const { position, bytes } of placed) {
      await this.#skipComplete();
      let isMore = this.#take(bytes, position);
      while (isMore) {
        await this.#skipComplete();
        isMore = this.#take(bytes, position);
      }
      await this.#writes.passed(bytes);
    }
  }

  /** Everything that was read is written, and files that needed nothing have their modes. */
  async finish(): Promise<void> {
    await this.#skipComplete();
    if (this.#index < this.#needs.length) {
      throw new CorruptObjectError(this.#what, "a piece that was asked for did not come");
    }
    await this.#writes.settle();
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    this.#sink?.close();
  }

  /** Uses what of the bytes belongs to the present piece; true: there may be more for the next. */
  #take(bytes: Uint8Array, position: number): boolean {
    const need = this.#needs[this.#index];
    const span = need?.spans[this.#span];
    if (need === undefined || span === undefined) return false;
    const { offset, pageHashes } = need.entry;
    const from = Math.max(offset + span.start, position);
    const to = Math.min(offset + span.end, position + bytes.byteLength);
    if (from >= to) return false;
    const isPaged = pageHashes !== undefined;
    this.#hasher ??= new ContentHasher(
      isPaged ? PAGE_LEAF_BYTES : PLAIN_LEAF_BYTES,
      span.end - span.start,
    );
    const piece = bytes.subarray(from - position, to - position);
    this.#hasher.update(piece);
    this.#sink?.overwrite(piece, from - offset);
    if (to < offset + span.end) return false;
    this.#prove(need, span, this.#hasher);
    this.#hasher = undefined;
    this.#span += 1;
    return true;
  }

  #prove({ entry }: EntryNeeds, span: PartSpan, hasher: ContentHasher): void {
    const { hash, leaves } = hasher.digest();
    const { pageHashes } = entry;
    const first = span.start / PAGE_LEAF_BYTES;
    const isProven =
      pageHashes === undefined
        ? hash === entry.xxHash3
        : leaves.every((leaf, index) => leaf === pageHashes[first + index]);
    if (isProven) return;
    throw new CorruptObjectError(
      this.#what,
      `${entry.path} has another content than the receipts say`,
    );
  }

  /** Ends files of which everything came, and opens the next. */
  async #skipComplete(): Promise<void> {
    for (; this.#index < this.#needs.length; this.#index += 1) {
      const need = this.#needs[this.#index];
      if (need === undefined) return;
      if (this.#sink === undefined) {
        this.#span = 0;
        const { entry, place, mode } = need;
        const { path: name, sizeBytes } = entry;
        const what = `${this.#what}: ${name}`;
        const rules = { ...this.#rules, writes: this.#writes };
        this.#sink = new WholeEntry({ name, place, mode, sizeBytes, what }, rules);
      }
      if (this.#span < need.spans.length) return;
      this.#sink.end();
      this.#sink = undefined;
      if (this.#rules.syncer.isFull) await this.#rules.syncer.room();
    }
  }
}
