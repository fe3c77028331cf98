import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { CorruptObjectError, FilesystemError, messageOf, ToolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { IncrementShape } from "../../delta/increment-apply.ts";
import { formatLsn } from "../../delta/lsn.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";
import {
  beginStandby,
  type CatchupOffer,
  type CatchupStandby,
  CONTROL_AFTER,
  checkOffer,
  finishStandby,
} from "./catchup-standby.ts";
import { CatchupTree } from "./catchup-tree.ts";
import { parseControlFile } from "./control-file.ts";
import type { BackupFiles } from "./restore-files.ts";
import { labelStart } from "./restore-label.ts";
import { type RestoredPart, restorePartFiles } from "./restore-parts.ts";
import { FileSyncer } from "./restore-sync.ts";
import { checkTablespacePlaces, type TablespaceLink } from "./tablespace-links.ts";

/** An increment builds on pages that the standby does not have. */
export class CatchupGapError extends ToolError {
  constructor(path: string, facts: { readonly missing: number; readonly offer: CatchupOffer }) {
    super({
      code: "broken-chain",
      message:
        `${path}: the standby lacks ${facts.missing} pages that did not change since ` +
        formatLsn(facts.offer.sinceLsn),
      hint:
        "A database was copied file by file (CREATE DATABASE, STRATEGY file_copy) since: repeat " +
        "the catchup with --from-lsn 0, or restore a backup.",
    });
  }
}

export interface CatchupFacts {
  readonly standby: CatchupStandby;
  readonly offer: CatchupOffer;
  /** Tablespaces of the other side, at its places. */
  readonly tablespaces: readonly TablespaceLink[];
  readonly syncsFiles: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What differs between parts of a repository and parts from the wire. */
export interface CatchupPart extends RestoredPart {
  readonly files: BackupFiles;
  readonly isForeign: boolean;
  readonly isEndLenient: boolean;
}

/**
 * A standby's directory on its way forward. It is no cluster from the first change until `finish`:
 * pg_control has another name meanwhile, and whatever ends the work half-way, another catchup
 * completes it, since all that it does may be done again.
 */
export class CatchupApply implements AsyncDisposable {
  readonly #facts: CatchupFacts;
  readonly #tree: CatchupTree;
  readonly #syncer: FileSyncer;
  readonly #dropped: readonly TablespaceLink[];

  private constructor(
    facts: CatchupFacts,
    work: { readonly tree: CatchupTree; readonly syncer: FileSyncer },
  ) {
    const oids = new Set(facts.tablespaces.map(({ oid }) => oid));
    this.#facts = facts;
    this.#tree = work.tree;
    this.#syncer = work.syncer;
    this.#dropped = facts.standby.tablespaces.filter(({ oid }) => !oids.has(oid));
  }

  /** Checks everything that can be checked, then takes pg_control out of the way. */
  static async begin(facts: CatchupFacts): Promise<CatchupApply> {
    const { standby, offer, log } = facts;
    checkOffer(standby, offer);
    const links = linksFor(facts);
    if (standby.isInterrupted) log.info("an interrupted catchup is repeated");
    const syncer = await FileSyncer.open(facts.syncsFiles);
    beginStandby(standby);
    return new CatchupApply(facts, { tree: new CatchupTree(standby, links), syncer });
  }

  async applyPart(part: CatchupPart, content: ByteStream): Promise<void> {
    const { log } = this.#facts;
    const { files, isForeign, isEndLenient } = part;
    const tree = this.#tree;
    await restorePartFiles(part, content, {
      tree,
      syncer: this.#syncer,
      files,
      place: (path) => tree.place(path),
      onIncrement: (path, shape) => this.#refuseGap(path, shape),
      isForeign,
      isEndLenient,
      log,
    });
  }

  /** Every part is there: the rest of what the standby has goes, then it is a cluster again. */
  async finish(): Promise<void> {
    const { standby, signal, syncsFiles } = this.#facts;
    this.#checkLabel();
    this.#checkControlFile();
    await this.#syncer.settle();
    signal.throwIfAborted();
    this.#tree.removeDropped(this.#dropped);
    this.#tree.finish(syncsFiles);
    finishStandby(standby);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#syncer.settle();
    } catch {
      // The catchup has failed already, with an error of its own.
    }
  }

  /**
   * Pages past the end of the standby's file were all written since, or are new: an increment that
   * lacks one of them is of a file that was copied here with pages from before.
   */
  #refuseGap(path: string, { blocks, fileBytes, pageBytes }: IncrementShape): void {
    const present = Math.floor(sizeOf(this.#tree.pathOf(path)) / pageBytes);
    const wanted = Math.floor(fileBytes / pageBytes);
    if (wanted <= present) return;
    let given = 0;
    for (const block of blocks) if (block >= present && block < wanted) given += 1;
    const missing = wanted - present - given;
    if (missing > 0) throw new CatchupGapError(path, { missing, offer: this.#facts.offer });
  }

  #checkLabel(): void {
    const { offer } = this.#facts;
    const path = this.#tree.pathOf("backup_label");
    const start = existsSync(path) ? labelStart(readFileSync(path, "latin1")) : undefined;
    if (start === offer.startLsn) return;
    throw new CorruptObjectError(offer.name, "its backup_label is missing or of another backup");
  }

  #checkControlFile(): void {
    const { offer, standby } = this.#facts;
    const path = this.#tree.pathOf(CONTROL_AFTER);
    if (!existsSync(path)) throw new CorruptObjectError(offer.name, "it has no pg_control");
    const control = parseControlFile(readFileSync(path), `${offer.name}: pg_control`);
    const { systemIdentifier, dataChecksumVersion } = standby.control;
    if (control.systemIdentifier !== systemIdentifier) {
      throw new CorruptObjectError(offer.name, "its pg_control is of another system");
    }
    if (control.dataChecksumVersion === dataChecksumVersion) return;
    throw new CorruptObjectError(offer.name, "page checksums were switched on or off since", {
      hint: "Only some pages would have them: restore a backup instead.",
    });
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The standby's own places; a tablespace that it lacks comes to where the other side has it. */
function linksFor({ standby, tablespaces, log }: CatchupFacts): readonly TablespaceLink[] {
  const own = new Map(standby.tablespaces.map(({ oid, location }) => [oid, location]));
  const links = tablespaces.map(({ oid, location }) => {
    return { oid, location: own.get(oid) ?? location };
  });
  checkTablespacePlaces(links, standby.dataDir);
  for (const { oid, location } of links) {
    if (own.has(oid)) continue;
    log.info(`tablespace ${oid} is new: it is made at ${location}`);
    makePlace(oid, location, standby);
  }
  return links;
}

/** On one machine with the other side, its place is the other side's: never write into it. */
function makePlace(oid: string, location: string, { owner }: CatchupStandby): void {
  try {
    const isNew = mkdirSync(location, { recursive: true, mode: 0o700 }) !== undefined;
    if (isNew && owner !== undefined) chownSync(location, owner.uid, owner.gid);
    if (readdirSync(location).length === 0) return;
  } catch (cause) {
    throw new FilesystemError(location, `cannot be used: ${messageOf(cause)}`, { cause });
  }
  throw new FilesystemError(location, `is not empty, and the standby has no tablespace ${oid}`, {
    hint: `Make an empty folder, and a link pg_tblspc/${oid} to it in the standby's directory.`,
  });
}
