import type { DatabaseKind } from "../base/database-kind.ts";
import { UsageError } from "../base/errors.ts";
import { printJson } from "../base/json.ts";
import { forEachConcurrently } from "../base/pool.ts";
import type { Cipher } from "../cipher/cipher.ts";
import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import { bytesSource, collect } from "../stream/byte-stream.ts";
import { type BackupMetadata, decodeBackupMetadata } from "./backup-metadata.ts";
import { type BackupName, firstSegmentIn, toBackupName } from "./backup-name.ts";
import { BackupNotFoundError, BrokenChainError } from "./errors.ts";
import { openReceipts, type ReceiptsReader, receiptsFacts } from "./receipts-reader.ts";
import { type BackupSelector, matchUserData } from "./selector.ts";
import {
  decodeSentinel,
  encodeSentinel,
  incrementLink,
  SENTINEL_BYTES_MAX,
  type Sentinel,
  sentinelFields,
} from "./sentinel.ts";
import { BACKUPS_FOLDER, backupOfSentinel, metadataKey, sentinelKey } from "./storage-layout.ts";

/** A complete backup, as the listing of the storage shows it. */
export interface BackupEntry {
  readonly name: BackupName;
  /** When the storage took the sentinel, in nanoseconds since 1970. Decides what LATEST is. */
  readonly modifiedNs: bigint;
  /** First run of 24 hex digits in the name, or 24 × `Z`. */
  readonly walFileName: string;
  /** Name of the storage that holds it. */
  readonly storage: string;
}

/** Small objects of one backup that are read at once. */
const METADATA_BYTES_MAX = 64 << 20;
const READS_MAX = 8;
/** Where a name holds no WAL file name, WAL-G prints this, so that it sorts last. */
const NO_WAL_FILE = "Z".repeat(24);

/** The backups of one storage. A backup exists if, and only if, its sentinel does. */
export class Catalog {
  readonly #storage: string;
  readonly #driver: StorageDriver;
  readonly #database: DatabaseKind;

  constructor(options: {
    readonly repository: { readonly name: string; readonly driver: StorageDriver };
    readonly database: DatabaseKind;
  }) {
    this.#storage = options.repository.name;
    this.#driver = options.repository.driver;
    this.#database = options.database;
  }

  /** Every complete backup, oldest first by the storage's time; equal times by name. */
  async list(signal: AbortSignal): Promise<readonly BackupEntry[]> {
    const { objects } = await this.#driver.listFolder(BACKUPS_FOLDER, signal);
    return objects.flatMap((object) => this.#entry(object) ?? []).sort(compareEntries);
  }

  /** Throws `BackupNotFoundError`, or `UsageError` when user data matches several. */
  async find(selector: BackupSelector, signal: AbortSignal): Promise<BackupEntry> {
    if (selector.by === "name") return await this.#findNamed(selector.name, signal);
    const entries = await this.list(signal);
    const latest = entries.at(-1);
    if (latest === undefined) throw BackupNotFoundError.noneAtAll();
    if (selector.by === "latest") return latest;
    const text = printJson(selector.userData, { escaping: "plain" });
    const matching = matchUserData(await this.#withUserData(entries, signal), selector.userData);
    const [only, ...others] = matching;
    if (only === undefined) throw BackupNotFoundError.withUserData(text);
    if (others.length > 0) {
      throw new UsageError(
        `user data ${text} matches ${matching.map(({ entry }) => entry.name).join(", ")}`,
        "Name the backup that is meant.",
      );
    }
    return only.entry;
  }

  /** Whether a complete backup has that name already. */
  async contains(name: BackupName, signal: AbortSignal): Promise<boolean> {
    return (await this.#statOrAbsent(sentinelKey(name), signal)) !== undefined;
  }

  /** The sentinel. Throws `BackupNotFoundError` or, for damage, `CorruptObjectError`. */
  async read(name: BackupName, signal: AbortSignal): Promise<Sentinel> {
    const key = sentinelKey(name);
    const bytes = await this.#readOrAbsent(key, SENTINEL_BYTES_MAX, signal);
    if (bytes === undefined) throw BackupNotFoundError.named(name);
    return decodeSentinel(name, this.#database, { key, bytes });
  }

  /** What must be restored for `name`, the full backup first. */
  async chain(name: BackupName, signal: AbortSignal): Promise<readonly Sentinel[]> {
    const chain = [await this.read(name, signal)];
    const seen = new Set([name]);
    for (let youngest = chain[0]; youngest !== undefined; youngest = chain[0]) {
      const parent = incrementLink(youngest)?.parent;
      if (parent === undefined) return chain;
      if (seen.has(parent)) {
        throw new BrokenChainError(youngest.name, parent, "builds on it in turn");
      }
      seen.add(parent);
      chain.unshift(await this.#readParent(youngest.name, parent, signal));
    }
    return chain;
  }

  /** `metadata.json`; undefined when there is none. */
  async metadata(name: BackupName, signal: AbortSignal): Promise<BackupMetadata | undefined> {
    const key = metadataKey(name);
    const bytes = await this.#readOrAbsent(key, METADATA_BYTES_MAX, signal);
    return bytes === undefined ? undefined : decodeBackupMetadata(key, bytes);
  }

  /** `metadata.json` of each backup, read a few at a time, in the order of `names`. */
  async metadataOf(
    names: readonly BackupName[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<BackupName, BackupMetadata | undefined>> {
    const found = new Map<BackupName, BackupMetadata | undefined>();
    for (const name of names) found.set(name, undefined);
    await forEachConcurrently(names, { concurrencyMax: READS_MAX, signal }, async (name, stop) => {
      found.set(name, await this.metadata(name, stop));
    });
    return found;
  }

  /**
   * The backup's receipts; undefined for a backup without, as WAL-G writes them.
   *
   * A sentinel of PostgreSQL is never rewritten, so one that names no receipts is WAL-G's: an
   * object beside it would be of a backup of ours that died under the same name. WAL-G rewrites
   * sentinels of other databases when it marks a backup, and drops what it does not know: receipts
   * are then looked for, since names by the second do not repeat.
   */
  async receipts(
    sentinel: Sentinel,
    cipher: Cipher,
    signal: AbortSignal,
  ): Promise<ReceiptsReader | undefined> {
    const facts = receiptsFacts(sentinel);
    if (facts === undefined && this.#database === "postgres") return undefined;
    const backup = sentinel.name;
    return await openReceipts({ driver: this.#driver, cipher, backup, facts, signal });
  }

  /** Makes the backup exist: the last object of it that is written, and never twice. */
  async commit(sentinel: Sentinel, signal: AbortSignal): Promise<void> {
    const body = bytesSource(encodeSentinel(sentinel.document));
    await this.#driver.put(sentinelKey(sentinel.name), body, { ifAbsent: true, signal });
  }

  #entry(object: ObjectInfo): BackupEntry | undefined {
    const name = backupOfSentinel(object.key);
    if (name === undefined) return undefined;
    return {
      name,
      modifiedNs: object.modifiedNs ?? BigInt(object.modifiedAt.getTime()) * 1_000_000n,
      walFileName: firstSegmentIn(name) ?? NO_WAL_FILE,
      storage: this.#storage,
    };
  }

  async #findNamed(name: string, signal: AbortSignal): Promise<BackupEntry> {
    const object = await this.#statOrAbsent(sentinelKey(toBackupName(name)), signal);
    const entry = object === undefined ? undefined : this.#entry(object);
    if (entry === undefined) throw BackupNotFoundError.named(name);
    return entry;
  }

  /** User data is in metadata.json; backups without that object have it in the sentinel. */
  async #withUserData(entries: readonly BackupEntry[], signal: AbortSignal) {
    const names = entries.map((entry) => entry.name);
    const metadata = await this.metadataOf(names, signal);
    return await Promise.all(
      entries.map(async (entry) => {
        const own = metadata.get(entry.name);
        const userData =
          own === undefined
            ? sentinelFields(await this.read(entry.name, signal)).value("UserData")
            : own.userData;
        return { entry, userData };
      }),
    );
  }

  async #readParent(backup: BackupName, parent: BackupName, signal: AbortSignal) {
    try {
      return await this.read(parent, signal);
    } catch (error) {
      if (!(error instanceof BackupNotFoundError)) throw error;
      throw new BrokenChainError(backup, parent, "is not in storage");
    }
  }

  async #statOrAbsent(key: ObjectKey, signal: AbortSignal): Promise<ObjectInfo | undefined> {
    return await orAbsent(this.#driver.stat(key, signal));
  }

  async #readOrAbsent(
    key: ObjectKey,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const stream = await orAbsent(this.#driver.get(key, { signal }));
    return stream === undefined ? undefined : await collect(stream, limitBytes);
  }
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

/** Oldest first by the storage's time; equal times by name. */
export function compareEntries(a: BackupEntry, b: BackupEntry): number {
  if (a.modifiedNs !== b.modifiedNs) return a.modifiedNs < b.modifiedNs ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
