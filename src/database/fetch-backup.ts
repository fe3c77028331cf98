import { defined } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { CorruptObjectError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { forEachConcurrently } from "../base/pool.ts";
import { retryTransient, wholeObjectPolicy } from "../base/retry.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import { Catalog } from "../catalog/catalog.ts";
import type { ReceiptsReader } from "../catalog/receipts-reader.ts";
import { type Sentinel, sentinelFields } from "../catalog/sentinel.ts";
import { backupPrefix, METADATA_NAME, partsPrefix } from "../catalog/storage-layout.ts";
import type { CodecName } from "../codec/codec.ts";
import { type ByteStream, compose } from "../stream/byte-stream.ts";
import { recycle } from "../stream/chunk-pool.ts";
import { countingMeter } from "../stream/meter.ts";
import { openObjectRanges, type PlacedBytes } from "../transfer/object-ranges.ts";
import { readObject } from "../transfer/object-reader.ts";
import { parsePartName } from "../transfer/part-name.ts";
import type { Repository } from "../transfer/repository.ts";
import type {
  DatabaseAdapter,
  PartContent,
  RecoveryPlan,
  RestoreOptions,
  RestorePart,
  RestoreSession,
} from "./adapter.ts";
import { readBackupDocument } from "./backup-document.ts";

export interface FetchBackupRequest {
  readonly adapter: Pick<DatabaseAdapter, "kind" | "beginRestore">;
  readonly repository: Repository;
  readonly backup: BackupName;
  readonly targetDir: string;
  readonly options: RestoreOptions;
  readonly recovery: RecoveryPlan | undefined;
  /** Parts that are fetched at once. */
  readonly partsMax: number;
  /** How often a part is fetched again after the storage failed. */
  readonly retriesMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told once how many plain bytes there are to come, as far as the backups say. */
  readonly onBegin?: (totalBytes: number | undefined) => void;
  readonly onPlainBytes?: (bytes: number) => void;
}

export interface FetchedBackup {
  readonly chain: readonly BackupName[];
  readonly partCount: number;
  readonly plainBytes: number;
}

/**
 * The order of every restore of every database: chain, receipts, parts in the adapter's groups,
 * finish. A part counts once its stored bytes, its size and every file in it are what the receipts
 * say; without receipts (WAL-G wrote the backup) once codec, cipher and tar are whole.
 */
export async function fetchBackup(request: FetchBackupRequest): Promise<FetchedBackup> {
  const fetch = new Fetch(request);
  return await fetch.run();
}

/** A part and where it is stored. */
interface PlacedPart extends RestorePart {
  readonly key: string;
  readonly codec: CodecName;
}

class Fetch {
  readonly #request: FetchBackupRequest;
  readonly #catalog: Catalog;
  readonly #receipts = new Map<BackupName, ReceiptsReader>();
  #plainBytes = 0;

  constructor(request: FetchBackupRequest) {
    this.#request = request;
    const { repository, adapter } = request;
    this.#catalog = new Catalog({ repository, database: adapter.kind });
  }

  async run(): Promise<FetchedBackup> {
    const { signal, adapter, log } = this.#request;
    const chain = await this.#catalog.chain(this.#request.backup, signal);
    const parts: PlacedPart[] = [];
    for (const sentinel of chain) parts.push(...(await this.#partsOf(sentinel)));
    await using session = await adapter.beginRestore({
      chain,
      targetDir: this.#request.targetDir,
      options: this.#request.options,
      recovery: this.#request.recovery,
      receipted: new Set(this.#receipts.keys()),
      document: (backup, name) => this.#document(backup, name),
      log,
      signal,
    });
    this.#request.onBegin?.(totalBytes(chain));
    await this.#proveDocuments();
    const placeOf = new Map<RestorePart, PlacedPart>(parts.map((part) => [part, part]));
    let partCount = 0;
    for (const group of session.plan(parts)) {
      const placed = group.map((part) => defined(placeOf.get(part), "place of a part"));
      const options = { concurrencyMax: this.#request.partsMax, signal };
      await forEachConcurrently(placed, options, (part, stop) => {
        return this.#restore(session, part, stop);
      });
      partCount += placed.length;
    }
    await session.finish();
    return { chain: chain.map(({ name }) => name), partCount, plainBytes: this.#plainBytes };
  }

  /** Everything that is stored as a part, compared with the receipts where there are any. */
  async #partsOf(sentinel: Sentinel): Promise<readonly PlacedPart[]> {
    const { repository, signal, log } = this.#request;
    const { name } = sentinel;
    const stored = new Map<string, number>();
    for await (const { key, sizeBytes } of repository.driver.list(partsPrefix(name), { signal })) {
      stored.set(key, sizeBytes);
    }
    const receipts = await this.#catalog.receipts(sentinel, repository.cipher, signal);
    if (receipts === undefined) {
      log.info(`${name} has no receipts: its parts are checked only as far as their bytes allow`);
      const parts = [...stored.keys()].map((key) => placedPart(name, key));
      await this.#proveKey(parts);
      return parts;
    }
    this.#receipts.set(name, receipts);
    for (const { key, partStoredBytes } of receipts.sections) {
      const sizeBytes = stored.get(key);
      if (sizeBytes === undefined) throw new CorruptObjectError(key, "is missing");
      if (sizeBytes !== partStoredBytes) {
        const detail = `has ${sizeBytes} bytes, the receipts say ${partStoredBytes}`;
        throw new CorruptObjectError(key, detail);
      }
      stored.delete(key);
    }
    // The rest of a push that failed before this one of the same name.
    for (const key of stored.keys()) log.warning(`${key} is no part of the backup: left out`);
    return receipts.sections.map(({ key }) => placedPart(name, key));
  }

  async #restore(session: RestoreSession, part: PlacedPart, signal: AbortSignal): Promise<void> {
    const { log, clock, retriesMax } = this.#request;
    const shortName = part.key.slice(part.key.lastIndexOf("/") + 1);
    const policy = wholeObjectPolicy(shortName, { retriesMax, clock, log });
    const isFetched = await retryTransient(policy, signal, () => {
      return this.#restoreOnce(session, part, signal);
    });
    if (isFetched) log.info(`Finished extraction of ${shortName}`);
    else log.info(`${shortName} holds nothing that is needed`);
  }

  async #restoreOnce(
    session: RestoreSession,
    part: PlacedPart,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { repository, onPlainBytes } = this.#request;
    const { key, codec, backup, name, storedName } = part;
    // Read when needed and dropped afterwards: memory does not grow with the backup.
    const receipt = await this.#receipts.get(backup)?.part(key, signal);
    const expected = receipt?.object;
    let plainBytes = 0;
    const count = (bytes: number) => {
      plainBytes += bytes;
      onPlainBytes?.(bytes);
    };
    let isFetched = false;
    const content: PartContent = {
      whole: async () => {
        isFetched = true;
        const stream = await readObject(repository, { key, codec, expected, signal });
        return compose(stream, countingMeter(count).stage);
      },
      pieces: async () => {
        if (expected === undefined) return undefined;
        const ranges = await openObjectRanges(repository, { ...expected, signal });
        if (ranges === undefined) return undefined;
        return {
          storedBytesOf: (spans) => ranges.storedBytesOf(spans),
          read: (spans, stop) => {
            isFetched = true;
            return counted(ranges.read(spans, stop), count);
          },
        };
      },
    };
    await session.restorePart({ backup, name, receipt, storedName }, content);
    this.#plainBytes += plainBytes;
    // What was not needed is done all the same.
    onPlainBytes?.(Math.max(0, (expected?.plainBytes ?? 0) - plainBytes));
    return isFetched;
  }

  /** Documents that this restore has no use for are part of what was stored all the same. */
  async #proveDocuments(): Promise<void> {
    for (const [backup, receipts] of this.#receipts) {
      for (const { name } of receipts.documents) {
        // Marking a backup rewrites it, ours or WAL-G's; nothing in it is restored.
        if (name === METADATA_NAME) continue;
        const content = await this.#document(backup, name);
        if (content === undefined) continue;
        for await (const chunk of content) recycle(chunk);
      }
    }
  }

  /** Receipts are encrypted like the parts; without them the key meets its first object here. */
  async #proveKey([part]: readonly PlacedPart[]): Promise<void> {
    const { repository, signal } = this.#request;
    if (part === undefined || repository.cipher.name === "none") return;
    for await (const _ of await readObject(repository, { ...part, signal })) break;
  }

  /** A document, compared with its receipt as it ends. */
  async #document(backup: BackupName, name: string): Promise<ByteStream | undefined> {
    const { repository, signal } = this.#request;
    const { driver } = repository;
    const receipts = this.#receipts.get(backup);
    return await readBackupDocument({ driver, backup, name, receipts, signal });
  }
}

function placedPart(backup: BackupName, key: string): PlacedPart {
  const { name, codec } = parsePartName(key.slice(backupPrefix(backup).length));
  const storedName = key.slice(key.lastIndexOf("/") + 1);
  return { backup, name, receipt: undefined, storedName, key, codec };
}

async function* counted(
  placed: AsyncIterable<PlacedBytes>,
  count: (bytes: number) => void,
): AsyncGenerator<PlacedBytes> {
  for await (const one of placed) {
    count(one.bytes.byteLength);
    yield one;
  }
}

/** What the writers noted as uncompressed size; undefined when one did not. */
function totalBytes(chain: readonly Sentinel[]): number | undefined {
  let total = 0;
  for (const sentinel of chain) {
    const bytes = sentinelFields(sentinel).count("UncompressedSize");
    if (bytes === undefined || bytes === 0) return undefined;
    total += bytes;
  }
  return total;
}
