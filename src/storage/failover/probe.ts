import type { ByteSource } from "../../stream/byte-stream.ts";
import type { StorageDriver } from "../driver.ts";
import { toObjectKey } from "../object-key.ts";

/** WAL-G's name: whoever finds it in a storage knows what it is. */
const PROBE_KEY = toObjectKey("wal-g_storage_check");
const CHUNK_BYTES = 64 << 10;

/**
 * Throws when the storage does not work: its root is listed, and where it has to take writes, an
 * object is stored and removed again.
 */
export async function probe(
  driver: StorageDriver,
  options: { readonly writeBytes: number | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const { writeBytes, signal } = options;
  await driver.listFolder("", signal);
  if (writeBytes === undefined) return;
  await driver.put(PROBE_KEY, zeros(writeBytes), { ifAbsent: false, signal });
  await driver.delete([PROBE_KEY], signal);
}

function zeros(sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    replayable: true,
    async *open() {
      for (let left = sizeBytes; left > 0; left -= CHUNK_BYTES) {
        yield new Uint8Array(Math.min(left, CHUNK_BYTES));
      }
    },
  };
}
