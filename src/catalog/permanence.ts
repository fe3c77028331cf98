import { decodeUtf8, parseJsonObject, printJson } from "../base/json.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import { bytesSource, collect } from "../stream/byte-stream.ts";
import { decodeBackupMetadata } from "./backup-metadata.ts";
import type { BackupName } from "./backup-name.ts";
import { metadataKey } from "./storage-layout.ts";

/** metadata.json is a few lines and the user's own data. */
const METADATA_BYTES_MAX = 64 << 20;

/**
 * Marks a backup permanent, so that no rule of retention removes it: its `metadata.json` is
 * written again with everything else in it as it was. undefined: there is no such object.
 */
export async function markPermanent(
  driver: Pick<StorageDriver, "get" | "put">,
  name: BackupName,
  signal: AbortSignal,
): Promise<"marked" | "was-marked" | undefined> {
  const key = metadataKey(name);
  let bytes: Uint8Array;
  try {
    bytes = await collect(await driver.get(key, { signal }), METADATA_BYTES_MAX);
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
  if (decodeBackupMetadata(key, bytes).isPermanent) return "was-marked";
  const document = parseJsonObject(decodeUtf8(bytes, key), key);
  const marked = printJson({ ...document, is_permanent: true }, { escaping: "go" });
  await driver.put(key, bytesSource(marked), { ifAbsent: false, signal });
  return "marked";
}
