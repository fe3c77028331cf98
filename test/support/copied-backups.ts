import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { firstSegmentIn } from "../../src/catalog/backup-name.ts";
import { WAL_FOLDER } from "../../src/catalog/storage-layout.ts";
import { type CopyRequest, copyBackups } from "../../src/database/copy-backups.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import type { ClosedWalRange } from "../../src/wal/archived-range.ts";
import { formatSegmentName, type SegmentName } from "../../src/wal/segment-name.ts";
import { storeRandomChain } from "./made-chain.ts";
import { keysOf, recordingLogger } from "./memory-repository.ts";
import { seededRandom } from "./random.ts";
import { NEVER } from "./receipts.ts";

const SEGMENT_BYTES = 16 << 20;

export function walName(number: number): SegmentName {
  return formatSegmentName({ timeline: 1, number: BigInt(number) }, SEGMENT_BYTES);
}

/** Made-up backups need the segment of their name and the next one. */
export function madeWalOf({ name }: { readonly name: string }): ClosedWalRange {
  const first = firstSegmentIn(name) ?? walName(0);
  const number = Number.parseInt(first.slice(16), 16);
  return { first, last: walName(number + 1), segmentBytes: SEGMENT_BYTES };
}

export async function putObject(
  driver: StorageDriver,
  key: string,
  content: string | Uint8Array = key,
): Promise<void> {
  await driver.put(toObjectKey(key), bytesSource(content), { ifAbsent: false, signal: NEVER });
}

/** A full backup at segment 2, so many increments upon it, and WAL 0 to 20 with its company. */
export async function storeArchive(repository: Repository, deltaCount = 2): Promise<void> {
  await storeRandomChain(repository, seededRandom(7), deltaCount);
  for (let number = 0; number <= 20; number++) {
    await putObject(repository.driver, `${WAL_FOLDER}/${walName(number)}.zst`);
  }
  for (const name of [
    "00000002.history",
    `${walName(0)}_delta.zst`,
    `${walName(16)}_delta.zst`,
    `${walName(2)}.00000028.backup.zst`,
  ]) {
    await putObject(repository.driver, `${WAL_FOLDER}/${name}`);
  }
}

/** What is stored under each key. */
export async function contentOf(driver: StorageDriver): Promise<ReadonlyMap<string, string>> {
  const content = new Map<string, string>();
  for (const key of await keysOf(driver)) {
    const bytes = await collect(await driver.get(toObjectKey(key), { signal: NEVER }), 1e9);
    content.set(key, Buffer.from(bytes).toString("base64"));
  }
  return content;
}

/** Copies; what was logged. */
export async function copyAll(
  source: Repository,
  target: Repository,
  change: Partial<CopyRequest> = {},
) {
  const { log, lines } = recordingLogger();
  const summary = await copyBackups({
    source,
    target,
    database: "postgres",
    selector: undefined,
    walOf: madeWalOf,
    withHistory: false,
    rules: { mayReplace: false, trustsSizes: false },
    concurrencyMax: 4,
    retriesMax: 0,
    clock: SYSTEM_CLOCK,
    log,
    signal: NEVER,
    ...change,
  });
  return { ...summary, lines };
}
