import type { ByteStream } from "../stream/byte-stream.ts";
import { ChunkedOutput } from "./chunked-output.ts";
import { encodeTarHeader, TAR_END_BYTES, type TarHeader, tarPaddingBytes } from "./header.ts";

/** The content of one tar entry, read in order. */
export interface TarContent {
  /** Puts the next bytes at the start of `target`; returns how many, 0 when there are no more. */
  read(target: Uint8Array): number | Promise<number>;
  /** Sees every content byte as it goes into the tar, zero fill included. */
  observe(bytes: Uint8Array): void;
  /** Called once, after the last byte or on failure. */
  close(): void;
}

export interface TarItem {
  readonly header: TarHeader;
  /** undefined when `header.sizeBytes` is 0 by kind (directories, links). */
  readonly content: TarContent | undefined;
  /** Told where the content starts in the tar, before its first byte. */
  readonly onOffset?: (offset: number) => void;
}

/**
 * Items → tar, in chunks of exactly `TAR_CHUNK_BYTES` but the last. Files are read straight into
 * the chunks, without a copy. An entry has exactly the bytes that its header promises: more are
 * not read, and missing ones are zeros (a file that shrank while it was read; WAL replay repairs
 * it).
 */
export async function* writeTar(
  items: AsyncIterable<TarItem> | Iterable<TarItem>,
): AsyncGenerator<Uint8Array> {
  const output = new ChunkedOutput();
  for await (const item of items) {
    const { header, content } = item;
    yield* output.append(encodeTarHeader(header));
    item.onOffset?.(output.totalBytes);
    if (content === undefined) continue;
    try {
      yield* copyContent(output, content, header.sizeBytes);
    } finally {
      content.close();
    }
    yield* output.zeros(tarPaddingBytes(header.sizeBytes));
  }
  yield* output.zeros(TAR_END_BYTES);
  yield* output.rest();
}

async function* copyContent(
  output: ChunkedOutput,
  content: TarContent,
  sizeBytes: number,
): ByteStreamGenerator {
  let missingBytes = sizeBytes;
  let isEnded = false;
  while (missingBytes > 0) {
    const space = output.space(missingBytes);
    let bytes = 0;
    if (!isEnded) {
      const reading = content.read(space);
      bytes = typeof reading === "number" ? reading : await reading;
      isEnded = bytes === 0;
    }
    if (isEnded) bytes = space.fill(0).byteLength;
    content.observe(space.subarray(0, bytes));
    missingBytes -= bytes;
    yield* output.advance(bytes);
  }
}

type ByteStreamGenerator = AsyncGenerator<Uint8Array> & ByteStream;
