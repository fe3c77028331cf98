import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import { withReceipts } from "../catalog/receipts-reader.ts";
import { ReceiptsWriter } from "../catalog/receipts-writer.ts";
import type { Sentinel } from "../catalog/sentinel.ts";
import {
  backupObjectKey,
  partsPrefix,
  receiptsKey,
  sentinelKey,
} from "../catalog/storage-layout.ts";
import { ObjectExistsError } from "../storage/errors.ts";
import { type ObjectKey, toObjectKey } from "../storage/object-key.ts";
import { writeDocument, writeObject } from "../transfer/object-writer.ts";
import type { Repository } from "../transfer/repository.ts";
import type { BackupAdapter, BackupPart, BackupRequest, BackupSession } from "./adapter.ts";
import { waitForJournal, walArchive } from "./journal-archive.ts";

/** How long the objects of a failed backup are tried to be removed. */
const CLEAN_UP_MS = 10_000;

export interface PushBackupRequest {
  readonly adapter: BackupAdapter;
  readonly repository: Repository;
  readonly backup: Omit<BackupRequest, "signal">;
  /** Parts that are read and stored at once. */
  readonly partsMax: number;
  /** undefined: whether the WAL reaches the repository is not looked at. */
  readonly archiveTimeoutMs: number | undefined;
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

/**
 * The order of every backup of every database: begin, parts, finish, proof of the journal,
 * documents, receipts, and the sentinel as the last of all. Until the sentinel is stored the
 * backup does not exist for any reader; whatever fails before leaves backup mode and removes what
 * was stored.
 */
export async function pushBackup(request: PushBackupRequest): Promise<PushedBackup> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  await using session = await request.adapter.beginBackup({ ...request.backup, signal });
  session.lost.catch((error: unknown) => stop.abort(error));
  request.onBegin?.(session);
  const push = new Push(request, session, signal);
  await push.refuseExisting();
  await push.proveArchiving();
  try {
    return await push.run();
  } catch (error) {
    stop.abort(error);
    await push.cleanUp();
    throw error;
  }
}

class Push {
  readonly #request: PushBackupRequest;
  readonly #session: BackupSession;
  readonly #signal: AbortSignal;
  readonly #catalog: Catalog;
  readonly #receipts: ReceiptsWriter;
  readonly #storedKeys = new Set<string>();
  #plainBytes = 0;
  #storedBytes = 0;
  #mayBeCommitted = false;

  constructor(request: PushBackupRequest, session: BackupSession, signal: AbortSignal) {
    this.#request = request;
    this.#session = session;
    this.#signal = signal;
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
      hint: "A complete backup has this name already: take the next one after some WAL was written.",
    });
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
    const receiptsStored = this.#storeReceipts();
    receiptsStored.catch(() => {});
    const options = { concurrencyMax: this.#request.partsMax, signal };
    await forEachConcurrently(session.parts(), options, (part) => this.#storePart(part));
    for (const part of await session.finish()) await this.#storePart(part);
    await this.#removeForeignParts();
    await this.#prove(session.journalNeeded());
    const { documents, sentinel } = await session.describe({
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
      partSuffix: repository.codec.extension === "" ? "" : `.${repository.codec.extension}`,
    });
    for (const document of documents) {
      const key = backupObjectKey(session.name, document.name);
      this.#storedKeys.add(key);
      const source = document.content;
      const stored = await writeDocument(repository.driver, {
        key,
        source,
        ifAbsent: false,
        signal,
      });
      const { storedBytes: sizeBytes, storedSha256: sha256 } = stored;
      this.#receipts.addDocument({ name: document.name, sizeBytes, sha256 });
    }
    await this.#receipts.finish();
    await receiptsStored;
    await this.#commit(withReceipts(sentinel, this.#receipts.facts()));
    return {
      name: session.name,
      plainBytes: this.#plainBytes,
      storedBytes: this.#storedBytes,
    };
  }

  /** Best effort: what stays is invisible, and garbage for `delete garbage`. */
  async cleanUp(): Promise<void> {
    const signal = AbortSignal.timeout(CLEAN_UP_MS);
    const keys = [...this.#storedKeys].map(toObjectKey);
    const { driver } = this.#request.repository;
    try {
      // The storage may have taken the sentinel although its answer was lost: it goes first, so
      // that no listed backup lacks its parts.
      if (this.#mayBeCommitted) await driver.delete([sentinelKey(this.#session.name)], signal);
      await driver.delete(keys, signal);
    } catch (error) {
      this.#request.log.warning(
        `objects of the failed backup ${this.#session.name} stay in storage: ${messageOf(error)}`,
      );
    }
  }

  async #prove(names: readonly string[]): Promise<void> {
    const { repository, archiveTimeoutMs, clock, log } = this.#request;
    if (archiveTimeoutMs === undefined) return;
    const archive = walArchive(repository);
    const signal = this.#signal;
    await waitForJournal(names, { archive, timeoutMs: archiveTimeoutMs, clock, log, signal });
  }

  async #storePart(part: BackupPart): Promise<void> {
    const { repository, onPlainBytes } = this.#request;
    const { extension } = repository.codec;
    const suffix = extension === "" ? "" : `.${extension}`;
    const key = backupObjectKey(this.#session.name, part.name + suffix);
    this.#storedKeys.add(key);
    const stored = await writeObject(repository, {
      key,
      source: part.source,
      ifAbsent: false,
      signal: this.#signal,
      onPlainBytes,
    });
    this.#plainBytes += stored.plainBytes;
    this.#storedBytes += stored.storedBytes;
    await this.#receipts.append({ object: stored, entries: part.entries() });
  }

  async #storeReceipts(): Promise<void> {
    const key = receiptsKey(this.#session.name);
    this.#storedKeys.add(key);
    await this.#request.repository.driver.put(key, this.#receipts.source, {
      ifAbsent: false,
      signal: this.#signal,
    });
  }

  /** Parts that a crashed backup of the same name left would be restored as ours. */
  async #removeForeignParts(): Promise<void> {
    const { driver } = this.#request.repository;
    const foreign: ObjectKey[] = [];
    const signal = this.#signal;
    for await (const { key } of driver.list(partsPrefix(this.#session.name), { signal })) {
      if (!this.#storedKeys.has(key)) foreign.push(key);
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
