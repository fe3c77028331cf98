import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { createLogger, type Logger } from "../../src/base/log.ts";
import type { CodecName } from "../../src/codec/codec.ts";
import { openCodec } from "../../src/codec/registry.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import type { ByteStream } from "../../src/stream/byte-stream.ts";
import type { Repository } from "../../src/transfer/repository.ts";

/** A repository in this process, not encrypted, that writes with the given codec. */
export async function memoryRepository(
  codec: CodecName,
  driver: StorageDriver = new MemoryDriver(SYSTEM_CLOCK),
): Promise<Repository> {
  const unchanged = (input: ByteStream) => input;
  return {
    name: "default",
    driver,
    codec: await openCodec(codec, {}),
    cipher: { name: "none", canDecrypt: true, keyId: "", encrypt: unchanged, decrypt: unchanged },
    codecFor: (name) => openCodec(name, {}),
  };
}

/** A logger that keeps what it is told, `level: message`. */
export function recordingLogger(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLogger("debug", (level, message) => lines.push(`${level}: ${message}`));
  return { log, lines };
}

/** All keys of a storage. */
export async function keysOf(driver: StorageDriver): Promise<string[]> {
  const keys: string[] = [];
  const { signal } = new AbortController();
  for await (const { key } of driver.list("", { signal })) keys.push(key);
  return keys;
}
