import { UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { NONE_CIPHER } from "../cipher/none.ts";
import type { CodecName } from "../codec/codec.ts";
import { codecOfExtension } from "../codec/registry.ts";
import { ObjectNotFoundError } from "../storage/errors.ts";
import type { ByteStream } from "../stream/byte-stream.ts";
import { expandGlob } from "../transfer/glob.ts";
import { readObject } from "../transfer/object-reader.ts";
import type { Repository } from "../transfer/repository.ts";
import { objectPath } from "./st-storage.ts";

export interface StoredBytesRequest {
  readonly key: string;
  readonly isDecrypted: boolean;
  readonly isDecompressed: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** An object of whatever kind, opened as far as asked for; its extension names the codec. */
export function openStoredBytes(
  repository: Repository,
  { key, isDecrypted, isDecompressed, log, signal }: StoredBytesRequest,
): Promise<ByteStream> {
  const cipher = isDecrypted ? repository.cipher : NONE_CIPHER;
  const codec = isDecompressed ? codecByName(key, log) : "none";
  return readObject({ ...repository, cipher }, { key, codec, signal });
}

function codecByName(key: string, log: Logger): CodecName {
  const name = key.slice(key.lastIndexOf("/") + 1);
  const extension = name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "";
  const codec = codecOfExtension(extension);
  if (codec !== undefined) return codec;
  log.warning(`${key}: no compression has the extension ${extension}, so nothing is decompressed`);
  return "none";
}

/** The object of a path, or with a glob all that match it: nothing there is an error. */
export async function objectsOf(
  { driver }: Pick<Repository, "driver">,
  path: string,
  options: { readonly isGlob: boolean; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  if (!options.isGlob) return [objectPath(path)];
  const { objects, folders } = await expandGlob(driver, path, options.signal);
  if (objects.length > 0) return objects;
  if (folders.length > 0) throw new UsageError(`${path} matches folders only, and no object`);
  throw new ObjectNotFoundError({ storage: driver.name, key: path });
}
