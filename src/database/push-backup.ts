import type { Clock } from "../base/clock.ts";
import { CorruptObjectError, messageOf, ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import { markPermanent } from "../catalog/permanence.ts";
import { withReceipts } from "../catalog/receipts-reader.ts";
import { ReceiptsWriter } from "../catalog/receipts-writer.ts";
import { incrementLink, type Sentinel } from "../catalog/sentinel.ts";
import {
  backupObjectKey,
  backupPrefix,
  claimKey,
  receiptsKey,
  sentinelKey,
  suffixOf,
} from "../catalog/storage-layout.ts";
import type { ObjectInfo } from "../storage/driver.ts";
import { ObjectExistsError } from "../storage/errors.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import { writeDocument, writeObject } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type {
  BackupAdapter,
  BackupDocument,
  BackupPart,
  BackupRequest,
  BackupSession,
} from "./adapter.ts";
import { BackupClaim, type BackupOwner } from "./backup-claim.ts";
import { waitForJournal, walArchive } from "./journal-archive.ts";
import type { FindJournal } from "./journal-lookup.ts";
import { walReader } from "./journal-reader.ts";

/** How long the objects of a failed backup are tried to be removed. */
const CLEAN_UP_MS = 10_000;
/** Services tell the time of one object in whole seconds, and their machines differ a little. */
const CLOCK_TOLERANCE_MS = 2000;

export interface PushBackupRequest {
  readonly adapter: BackupAdapter;
  readonly repository: Repository;
  /** Where the WAL may lie; default: in the repository. */
  readonly journal?: FindJournal | undefined;
  readonly backup: Omit<BackupRequest, "journal" | "signal">;
  /** Parts that are read and stored at once. */
  readonly partsMax: number;
  /** undefined: whether the WAL reaches the repository is not looked at. */
  readonly archiveTimeoutMs: number | undefined;
  readonly owner: BackupOwner;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onBegin?: (session: BackupSession) => void;
  readonly onPlainBytes?: (bytes: number) => void;
}

export interface PushedBackup {
  readonly name: BackupName;
  readonly plainBytes: number;
  readonly storedBytes: number;
}

/** A storage whose time went back would list an older backup as the latest one. */
export class ClockWentBackError extends ToolError {
  constructor(storage: string, facts: { readonly latest: BackupName; readonly now: Date }) {
    super({
      code: "storage",
      message:
        `${storage}: its clock is at ${facts.now.toISOString()}, before the time of ` +
        `the backup ${facts.latest}`,
      hint: "Set the clock right; until it passes that backup's time, LATEST would stay that one.",
    });
  }
}

/**
 * The order of every backup of every database: begin, parts, finish, proof of the journal,
 * documents, receipts, and the sentinel as the last of all. Until the sentinel is stored the
 * backup does not exist for any reader; whatever fails before leaves backup mode and removes what
 * was stored.
 */
export async function pushBackup(request: PushBackupRequest): Promise<PushedBackup> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const journal = walReader(request.journal ?? request.repository);
  await using session = await request.adapter.beginBackup({ ...request.backup, journal, signal });
  session.lost.catch((error: unknown) => stop.abort(error));
  request.onBegin?.(session);
  const push = new Push(request, session, { signal, stop: (reason) => stop.abort(reason) });
  const { repository, owner, clock, log } = request;
  const { driver } = repository;
  const { name } = session;
  await push.refuseExisting();
  await using _claim = await BackupClaim.take({ driver, name, owner, clock, log, signal });
  try {
    await push.proveClock();
    await push.proveArchiving();
    return await push.run();
  } catch (error) {
    // Whatever an abort made fail, the abort's own reason is what the user must know.
    const reason: unknown = signal.aborted ? signal.reason : error;
    stop.abort(error);
    await push.cleanUp();
    throw reason;
  }
}

interface Ending {
  readonly signal: AbortSignal;
  /** Makes everything of this backup end at once. */
  readonly stop: (reason: unknown) => void;
}

class Push {
  readonly #request: PushBackupRequest;
  readonly #session: BackupSession;
  readonly #signal: AbortSignal;
  readonly #stop: Ending["stop"];
  readonly #catalog: Catalog;
  readonly #receipts: ReceiptsWriter;
  /** Every key that was given to the storage; the size once it has acknowledged it. */
  readonly #storedKeys = new Map<ObjectKey, number | undefined>();
  #receiptsStored: Promise<void> = Promise.resolve();
  #plainBytes = 0;
  #storedBytes = 0;
  #mayBeCommitted = false;

  constructor(request: PushBackupRequest, session: BackupSession, { signal, stop }: Ending) {
    this.#request = request;
    this.#session = session;
    this.#signal = signal;
    this.#stop = stop;
    const { repository, adapter } = request;
    this.#catalog = new Catalog({ repository, database: adapter.kind });
    this.#receipts = new ReceiptsWriter({ cipher: repository.cipher });
  }

  /** Two backups that start in one segment would share a name: the first one stays. */
  async refuseExisting(): Promise<void> {
    const { name } = this.#session;
    if (!(await this.#catalog.contains(name, this.#signal))) return;
    throw new ObjectExistsError({
      storage: this.#request.repository.driver.name,
      key: sentinelKey(name),
      hint: "A complete backup has this name: take the next one after some WAL was written.",
    });
  }

  /**
   * LATEST goes by the storage's time, so that must not lie before what is there. The claim,
   * just stored, shows it before anything is copied.
   */
  async proveClock(): Promise<void> {
    const { driver } = this.#request.repository;
    const signal = this.#signal;
    const latest = (await this.#catalog.list(signal)).at(-1);
    if (latest === undefined) return;
    const { modifiedAt } = await driver.stat(claimKey(this.#session.name), signal);
    const latestMs = Number(latest.modifiedNs / 1_000_000n);
    if (modifiedAt.getTime() + CLOCK_TOLERANCE_MS >= latestMs) return;
    throw new ClockWentBackError(driver.name, { latest: latest.name, now: modifiedAt });
  }

  /** Hours of copying are worth nothing if the WAL does not arrive: that shows at once. */
  async proveArchiving(): Promise<void> {
    const { firstJournal } = this.#session;
    if (firstJournal !== undefined) await this.#prove([firstJournal]);
  }

  async run(): Promise<PushedBackup> {
    const { repository } = this.#request;
    const session = this.#session;
    const signal = this.#signal;
    // Receipts grow with the backup, so they go to storage while it runs.
    this.#receiptsStored = this.#storeReceipts();
    this.#receipts.storedBy(this.#receiptsStored);
    // Without receipts the backup cannot be completed: nothing more is copied.
    this.#receiptsStored.catch(this.#stop);
    const options = { concurrencyMax: this.#request.partsMax, signal };
    await forEachConcurrently(session.parts(), options, async (part) => {
      try {
        await this.#storePart(part);
      } catch (error) {
        // The others' parts end now, and so does a session that waits for this one to be read.
        this.#stop(error);
        throw error;
      }
    });
    for (const part of await session.finish()) await this.#storePart(part);
    await this.#proveParts();
    await this.#prove(session.journalNeeded());
    const { documents, sentinel } = await session.describe({
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
      partSuffix: suffixOf(repository.codec.extension),
    });
    await this.#markAncestors(sentinel);
    for (const document of documents) await this.#storeDocument(document);
    await this.#receipts.finish();
    await this.#receiptsStored;
    // Another backup of that name may have been completed in the meantime.
    await this.refuseExisting();
    await this.#commit(withReceipts(sentinel, this.#receipts.facts()));
    return {
      name: session.name,
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
    };
  }

  /**
   * Best effort: what stays is invisible, and garbage for `delete garbage`. Objects below a name
   * that another run has completed are that run's.
   */
  async cleanUp(): Promise<void> {
    // A write that is still on its way could arrive after the removal.
    await this.#receiptsStored.catch(() => {});
    if (this.#storedKeys.size === 0) return;
    const signal = AbortSignal.timeout(CLEAN_UP_MS);
    const { driver } = this.#request.repository;
    const { name } = this.#session;
    try {
      // The storage may have taken the sentinel although its answer was lost: it goes first, so
      // that no listed backup lacks its parts.
      if (this.#mayBeCommitted) await driver.delete([sentinelKey(name)], signal);
      else if (await this.#catalog.contains(name, signal)) return;
      await driver.delete([...this.#storedKeys.keys()], signal);
    } catch (error) {
      this.#request.log.warning(
        `objects of the failed backup ${name} stay in storage: ${messageOf(error)}`,
      );
    }
  }

  /** What a permanent delta builds on must stay as long as it does: the oldest one first. */
  async #markAncestors(document: Sentinel["document"]): Promise<void> {
    const { backup, repository, adapter, log } = this.#request;
    if (!backup.isPermanent) return;
    const signal = this.#signal;
    const own = { name: this.#session.name, database: adapter.kind, document };
    const parent = incrementLink(own)?.parent;
    if (parent === undefined) return;
    for (const { name } of await this.#catalog.chain(parent, signal)) {
      const outcome = await markPermanent(repository.driver, name, signal);
      if (outcome === "marked") log.info(`${name} is permanent now: a permanent delta needs it`);
      if (outcome === undefined) {
        log.warning(`${name} has no metadata.json: it cannot be marked permanent`);
      }
    }
  }

  async #prove(names: readonly string[]): Promise<void> {
    const { repository, journal, archiveTimeoutMs, clock, log } = this.#request;
    if (archiveTimeoutMs === undefined) return;
    const archive = walArchive(journal ?? repository);
    const signal = this.#signal;
    const check = this.#session.checkJournal?.bind(this.#session);
    await waitForJournal(names, {
      archive,
      timeoutMs: archiveTimeoutMs,
      check,
      clock,
      log,
      signal,
    });
  }

  async #storePart(part: BackupPart): Promise<void> {
    const { repository, onPlainBytes } = this.#request;
    const signal = this.#signal;
    const suffix = suffixOf(repository.codec.extension);
    const key = backupObjectKey(this.#session.name, part.name + suffix);
    const { source } = part;
    this.#storedKeys.set(key, undefined);
    const stored = await writeObject(repository, {
      key,
      source,
      ifAbsent: false,
      signal,
      onPlainBytes,
    });
    this.#storedKeys.set(key, stored.storedBytes);
    this.#plainBytes += stored.plainBytes;
    this.#storedBytes += stored.storedBytes;
    await this.#receipts.append({ object: stored, entries: part.entries() });
  }

  async #storeDocument(document: BackupDocument): Promise<void> {
    const { name, content: source } = document;
    const key = backupObjectKey(this.#session.name, name);
    const { driver } = this.#request.repository;
    const signal = this.#signal;
    this.#storedKeys.set(key, undefined);
    const stored = await writeDocument(driver, { key, source, ifAbsent: false, signal });
    const { storedBytes: sizeBytes, storedSha256: sha256 } = stored;
    this.#storedKeys.set(key, sizeBytes);
    this.#receipts.addDocument({ name, sizeBytes, sha256 });
  }

  async #storeReceipts(): Promise<void> {
    const key = receiptsKey(this.#session.name);
    this.#storedKeys.set(key, undefined);
    await this.#request.repository.driver.put(key, this.#receipts.source, {
      ifAbsent: false,
      signal: this.#signal,
    });
  }

  /**
   * What the storage has below the backup's name must be just what was stored. Objects that a
   * crashed backup of the same name left are removed: parts would be restored as ours.
   */
  async #proveParts(): Promise<void> {
    const { driver } = this.#request.repository;
    const signal = this.#signal;
    const foreign: ObjectKey[] = [];
    const found = new Map<ObjectKey, ObjectInfo>();
    for await (const info of driver.list(backupPrefix(this.#session.name), { signal })) {
      if (this.#storedKeys.has(info.key)) found.set(info.key, info);
      else if (info.key !== claimKey(this.#session.name)) foreign.push(info.key);
    }
    for (const [key, sizeBytes] of this.#storedKeys) {
      if (sizeBytes === undefined || found.get(key)?.sizeBytes === sizeBytes) continue;
      const size = found.get(key)?.sizeBytes;
      const fact = size === undefined ? "is gone" : `has ${size} bytes, ${sizeBytes} were stored`;
      throw new CorruptObjectError(`${driver.name}/${key}`, fact, {
        hint: "Does another backup of the same name run, or did somebody delete garbage meanwhile?",
      });
    }
    if (foreign.length > 0) await driver.delete(foreign, signal);
  }

  async #commit(document: Sentinel["document"]): Promise<void> {
    this.#mayBeCommitted = true;
    const { name } = this.#session;
    const sentinel = { name, database: this.#request.adapter.kind, document };
    await this.#catalog.commit(sentinel, this.#signal);
  }
}
