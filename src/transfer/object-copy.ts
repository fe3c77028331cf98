import type { Clock } from "../base/clock.ts";
import { CorruptObjectError, ToolError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isTransient, retryTransient, wholeObjectPolicy } from "../base/retry.ts";
import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { ObjectExistsError } from "../storage/errors.ts";
import type { ObjectKey } from "../storage/object-key.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { isSameContent } from "../stream/compare.ts";
import { countingMeter, hashingMeter } from "../stream/meter.ts";
import type { StoredObject } from "./stored-part.ts";

/** What may happen to objects that the target has already. */
export interface CopyRules {
  /** Replace an object that differs. */
  readonly mayReplace: boolean;
  /** Take an object of the same size for the same one, without reading it. */
  readonly trustsSizes: boolean;
}

export interface CopyWay {
  readonly from: StorageDriver;
  readonly to: StorageDriver;
  readonly rules: CopyRules;
  /** How often an object is read again after the source failed in its middle. */
  readonly retriesMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with the number of stored bytes as they pass or are found there; retries count too. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface CopiedObject {
  readonly source: ObjectInfo;
  /** As the target's listing has it; undefined: it does not. */
  readonly target: ObjectInfo | undefined;
  /** What was recorded when the object was stored. */
  readonly recorded?: Pick<StoredObject, "storedBytes" | "storedSha256"> | undefined;
}

export type CopyOutcome = "copied" | "present" | "replaced";

/** The target has something else under the name. */
export class CopyConflictError extends ToolError {
  readonly key: string;

  constructor(key: string, facts: { readonly to: string; readonly detail: string }) {
    super({
      code: "object-exists",
      message: `${facts.to}/${key}: ${facts.detail}`,
      hint:
        "Does another cluster use the same place? Choose another prefix, or --overwrite what is " +
        "there.",
    });
    this.key = key;
  }
}

/**
 * Copies one object as it is stored: size and, where it was recorded, SHA-256 are proven before
 * the storage is told that the object is complete. An object that is there already is compared.
 */
export async function copyObject(
  way: CopyWay,
  object: CopiedObject,
  signal: AbortSignal,
): Promise<CopyOutcome> {
  const { source, recorded } = object;
  if (recorded !== undefined && recorded.storedBytes !== source.sizeBytes) {
    const detail = `has ${source.sizeBytes} bytes, ${recorded.storedBytes} were recorded`;
    throw new CorruptObjectError(`${way.from.name}/${source.key}`, detail);
  }
  let { target } = object;
  if (target === undefined) {
    try {
      await store(way, object, { ifAbsent: true, signal });
      return "copied";
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
      // Somebody else was faster; what they stored is compared like any other.
      target = await way.to.stat(source.key, signal);
    }
  }
  if (await isPresent(way, { ...object, target }, signal)) {
    way.onBytes?.(source.sizeBytes);
    return "present";
  }
  if (!way.rules.mayReplace) {
    const detail =
      target.sizeBytes === source.sizeBytes
        ? "holds other content than the source"
        : `has ${target.sizeBytes} bytes, in the source it has ${source.sizeBytes}`;
    throw new CopyConflictError(source.key, { to: way.to.name, detail });
  }
  await store(way, object, { ifAbsent: false, signal });
  return "replaced";
}

/** Whether the target holds the object: by its recorded SHA-256, else by comparing both. */
async function isPresent(
  { from, to, rules }: CopyWay,
  { source, target, recorded }: CopiedObject & { readonly target: ObjectInfo },
  signal: AbortSignal,
): Promise<boolean> {
  if (source.sizeBytes !== target.sizeBytes) return false;
  if (rules.trustsSizes) return true;
  if (recorded === undefined) return await isSameObject(from, to, { key: source.key, signal });
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of await to.get(source.key, { signal })) hash.update(chunk);
  return hash.digest("hex") === recorded.storedSha256;
}

/** Compares the bytes of an object that both storages have. */
export async function isSameObject(
  from: StorageDriver,
  to: StorageDriver,
  { key, signal }: { readonly key: ObjectKey; readonly signal: AbortSignal },
): Promise<boolean> {
  return await isSameContent(await from.get(key, { signal }), await to.get(key, { signal }));
}

async function store(
  way: CopyWay,
  object: CopiedObject,
  options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, log, retriesMax } = way;
  const { key } = object.source;
  const policy = wholeObjectPolicy(key, { retriesMax, clock, log });
  const failure = await retryTransient(policy, options.signal, () =>
    storeOnce(way, object, options),
  );
  if (failure !== undefined) throw failure.error;
}

/** Throws what the source did; what the target did, which repeats by itself, is returned. */
async function storeOnce(
  { from, to, onBytes }: CopyWay,
  { source, recorded }: CopiedObject,
  options: { readonly ifAbsent: boolean; readonly signal: AbortSignal },
): Promise<{ readonly error: unknown } | undefined> {
  let sourceError: unknown;
  const what = `${from.name}/${source.key}`;
  const body = {
    sizeBytes: source.sizeBytes,
    replayable: true,
    async *open(signal: AbortSignal): ByteStream {
      try {
        const counted = countingMeter(onBytes).stage(await from.get(source.key, { signal }));
        yield* proven(what, counted, { sizeBytes: source.sizeBytes, recorded });
      } catch (error) {
        sourceError = error;
        throw error;
      }
    },
  };
  try {
    const { sizeBytes } = await to.put(source.key, body, options);
    if (sizeBytes === source.sizeBytes) return undefined;
    const detail = `has ${sizeBytes} bytes, ${source.sizeBytes} were stored`;
    throw new CorruptObjectError(`${to.name}/${source.key}`, detail);
  } catch (error) {
    if (sourceError !== undefined || !isTransient(error)) throw error;
    return { error };
  }
}

/** Passes the bytes; throws at their end, and so before they count, when they are not the ones. */
async function* proven(
  what: string,
  input: ByteStream,
  expected: { readonly sizeBytes: number; readonly recorded: CopiedObject["recorded"] },
): ByteStream {
  const sha256 = expected.recorded?.storedSha256;
  const meter = sha256 === undefined ? undefined : hashingMeter();
  const counting = meter ?? countingMeter();
  yield* counting.stage(input);
  const sizeBytes = counting.sizeBytes();
  if (sizeBytes !== expected.sizeBytes) {
    throw new CorruptObjectError(what, `gave ${sizeBytes} bytes of ${expected.sizeBytes}`);
  }
  const own = meter?.sha256();
  if (own !== sha256) {
    throw new CorruptObjectError(what, `SHA-256 is ${own}, ${sha256} was recorded`);
  }
}
