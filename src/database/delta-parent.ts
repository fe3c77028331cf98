import { CorruptObjectError, messageOf, ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import { BackupNotFoundError, BrokenChainError } from "../catalog/errors.ts";
import type { BackupSelector } from "../catalog/selector.ts";
import { incrementLink, type Sentinel } from "../catalog/sentinel.ts";
import type { Repository } from "../transfer/repository.ts";
import type { BackupAdapter, ParentBackup } from "./adapter.ts";
import { readBackupDocument } from "./backup-document.ts";

/** What the user says of deltas. */
export interface DeltaWish {
  /** Longest chain of deltas; 0: none are made. */
  readonly stepsMax: number;
  /** The delta builds on the full backup of the chosen one, not on itself. */
  readonly fromFull: boolean;
  readonly base: BackupSelector;
  /** The new backup will be. */
  readonly isPermanent: boolean;
}

interface Request {
  readonly adapter: Pick<BackupAdapter, "kind">;
  readonly repository: Repository;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * The backup on which the next one builds, by WAL-G's rules and with its words, which scripts and
 * people know; undefined: a full backup, and the log says why. A base that the user named and
 * that is not there is an error.
 */
export async function chooseParent(
  wish: DeltaWish,
  request: Request,
): Promise<ParentBackup | undefined> {
  const { log } = request;
  if (wish.stepsMax === 0) {
    if (wish.base.by !== "latest") log.warning("Deltas are off (0 steps). Doing full backup.");
    return undefined;
  }
  try {
    return await new ParentChoice(wish, request).parent();
  } catch (error) {
    if (!isUnusable(error)) throw error;
    log.warning(`The previous backup cannot be built on: ${messageOf(error)}. Doing full backup.`);
    return undefined;
  }
}

/** What is wrong with the parent, as opposed to the storage or the wish. */
export function isUnusable(error: unknown): error is Error {
  return (
    error instanceof CorruptObjectError ||
    error instanceof BrokenChainError ||
    (error instanceof ToolError && error.code === "unsupported-format")
  );
}

class ParentChoice {
  readonly #wish: DeltaWish;
  readonly #request: Request;
  readonly #catalog: Catalog;

  constructor(wish: DeltaWish, request: Request) {
    this.#wish = wish;
    this.#request = request;
    const { repository, adapter } = request;
    this.#catalog = new Catalog({ repository, database: adapter.kind });
  }

  async parent(): Promise<ParentBackup | undefined> {
    const { log, signal } = this.#request;
    const chosen = await this.#chosen();
    if (chosen === undefined) {
      log.info("Couldn't find previous backup. Doing full backup.");
      return undefined;
    }
    const base = await this.#catalog.read(chosen, signal);
    // Steps count from the chosen backup even where the delta builds on that one's full backup.
    const depth = (incrementLink(base)?.depth ?? 0) + 1;
    if (depth > this.#wish.stepsMax) {
      log.info("Reached max delta steps. Doing full backup.");
      return undefined;
    }
    if (await this.#isForbidden(base)) return undefined;
    const sentinel = await this.#origin(base);
    // A link that is missing further down would show only when somebody restores.
    await this.#catalog.chain(sentinel.name, signal);
    return await this.#opened(sentinel, depth);
  }

  async #chosen(): Promise<BackupName | undefined> {
    const { base } = this.#wish;
    try {
      return (await this.#catalog.find(base, this.#request.signal)).name;
    } catch (error) {
      if (base.by === "latest" && error instanceof BackupNotFoundError) return undefined;
      throw error;
    }
  }

  /** Retention would remove the delta alone and keep what nobody may remove: WAL-G's rule. */
  async #isForbidden(base: Sentinel): Promise<boolean> {
    const { log, signal } = this.#request;
    const metadata = await this.#catalog.metadata(base.name, signal);
    if (metadata === undefined) {
      log.warning(`Failed to get previous backup metadata of ${base.name}. Doing full backup.`);
      return true;
    }
    if (this.#wish.isPermanent || this.#wish.fromFull || !metadata.isPermanent) return false;
    log.info("Can't do a delta backup from permanent backup. Doing full backup.");
    return true;
  }

  async #origin(base: Sentinel): Promise<Sentinel> {
    if (!this.#wish.fromFull) return base;
    this.#request.log.info("Delta will be made from full backup.");
    const full = incrementLink(base)?.full;
    if (full === undefined) return base;
    try {
      return await this.#catalog.read(full, this.#request.signal);
    } catch (error) {
      if (!(error instanceof BackupNotFoundError)) throw error;
      throw new BrokenChainError(base.name, full, "is not in storage");
    }
  }

  async #opened(sentinel: Sentinel, depth: number): Promise<ParentBackup> {
    const { repository, signal } = this.#request;
    const { driver, cipher } = repository;
    // With a public key alone the parent's documents, which are plain, are taken as they are.
    const receipts = cipher.canDecrypt
      ? await this.#catalog.receipts(sentinel, cipher, signal)
      : undefined;
    const backup = sentinel.name;
    return {
      sentinel,
      depth,
      document: (name) => readBackupDocument({ driver, backup, name, receipts, signal }),
    };
  }
}
