import type { CodecName } from "../codec/codec.ts";
import { EXTENSIONS, LOOKUP_ORDER } from "../codec/registry.ts";
import type { StorageDriver } from "../storage/driver.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import { toObjectKey } from "../storage/object-key.ts";

/** An object found under one of the extensions that its base key may carry. */
export interface FoundObject {
  readonly key: string;
  readonly codec: CodecName;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/**
 * Every object that stands for `baseKey` under some codec: `wal_005/00…01` may be stored as
 * `.zst`, `.lz4`, bare, or with the bare trailing dot that one release of WAL-G wrote. The
 * preferred codec's object comes first, then WAL-G's order of lookup.
 */
export async function findObjects(
  driver: StorageDriver,
  baseKey: string,
  options: { readonly preferred?: CodecName; readonly signal: AbortSignal },
): Promise<readonly FoundObject[]> {
  const found = driver.traits.listsByPrefix
    ? await listCandidates(driver, baseKey, options.signal)
    : await statCandidates(driver, baseKey, options.signal);
  const rank = (object: FoundObject): number =>
    object.codec === options.preferred ? -1 : LOOKUP_ORDER.indexOf(object.codec);
  return found.sort((a, b) => rank(a) - rank(b));
}

const CANDIDATES: readonly (readonly [suffix: string, codec: CodecName])[] = [
  ...LOOKUP_ORDER.map((name): [string, CodecName] => [
    EXTENSIONS[name] === "" ? "" : `.${EXTENSIONS[name]}`,
    name,
  ]),
  [".", "none"],
];

async function listCandidates(
  driver: StorageDriver,
  baseKey: string,
  signal: AbortSignal,
): Promise<FoundObject[]> {
  const found: FoundObject[] = [];
  for await (const { key, sizeBytes, modifiedAt } of driver.list(baseKey, { signal })) {
    const suffix = key.slice(baseKey.length);
    const codec = CANDIDATES.find((candidate) => candidate[0] === suffix)?.[1];
    if (codec !== undefined) found.push({ key, codec, sizeBytes, modifiedAt });
  }
  return found;
}

async function statCandidates(
  driver: StorageDriver,
  baseKey: string,
  signal: AbortSignal,
): Promise<FoundObject[]> {
  const found: FoundObject[] = [];
  for (const [suffix, codec] of CANDIDATES) {
    const key = toObjectKey(baseKey + suffix);
    try {
      const { sizeBytes, modifiedAt } = await driver.stat(key, signal);
      found.push({ key, codec, sizeBytes, modifiedAt });
    } catch (error) {
      if (!(error instanceof ObjectNotFoundError)) throw error;
    }
  }
  return found;
}
