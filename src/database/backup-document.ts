import { CorruptObjectError } from "../base/errors.ts";
import type { BackupName } from "../catalog/backup-name.ts";
import type { ReceiptsReader } from "../catalog/receipts-reader.ts";
import { backupObjectKey } from "../catalog/storage-layout.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { hashingMeter } from "../stream/meter.ts";

/**
 * A small object of a backup that is stored plain, compared with its receipt as it ends; undefined
 * when there is none and the receipts know of none.
 */
export async function readBackupDocument(request: {
  readonly driver: Pick<StorageDriver, "get">;
  readonly backup: BackupName;
  /** Below the backup's folder: `files_metadata.json`. */
  readonly name: string;
  readonly receipts: ReceiptsReader | undefined;
  readonly signal: AbortSignal;
}): Promise<ByteStream | undefined> {
  const { driver, backup, name, receipts, signal } = request;
  const key = backupObjectKey(backup, name);
  const expected = receipts?.document(name);
  try {
    const content = await driver.get(key, { signal });
    return expected === undefined ? content : provenDocument(key, content, expected);
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    if (expected !== undefined) throw new CorruptObjectError(key, "is missing");
    return undefined;
  }
}

async function* provenDocument(
  key: string,
  content: ByteStream,
  expected: { readonly sizeBytes: number; readonly sha256: string },
): AsyncGenerator<Uint8Array> {
  const meter = hashingMeter();
  yield* meter.stage(content);
  if (meter.sizeBytes() === expected.sizeBytes && meter.sha256() === expected.sha256) return;
  throw new CorruptObjectError(key, "is not what the receipts say");
}
