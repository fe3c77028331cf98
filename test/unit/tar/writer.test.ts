// Proves that a written tar is read back entry by entry by our reader and by GNU tar, that files
// that shrink or grow keep the promised size, and that sources are closed whatever happens.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../src/stream/byte-stream.ts";
import { recycle } from "../../../src/stream/chunk-pool.ts";
import { TAR_CHUNK_BYTES } from "../../../src/tar/chunked-output.ts";
import type { TarHeader } from "../../../src/tar/header.ts";
import { readTar } from "../../../src/tar/reader.ts";
import { type TarContent, type TarItem, writeTar } from "../../../src/tar/writer.ts";
import { seededRandom } from "../../support/random.ts";

function headerOf(name: string, sizeBytes: number, kind: TarHeader["kind"] = "file"): TarHeader {
  return {
    name,
    kind,
    sizeBytes,
    mode: kind === "directory" ? 0o700 : 0o600,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAtSeconds: 1_700_000_000,
    linkName: "",
  };
}

class BytesContent implements TarContent {
  readonly #observed: Uint8Array[] = [];
  closedCount = 0;
  #position = 0;
  readonly #bytes: Uint8Array;
  readonly #isAsync: boolean;

  constructor(bytes: Uint8Array, isAsync = false) {
    this.#bytes = bytes;
    this.#isAsync = isAsync;
  }

  read(target: Uint8Array): number | Promise<number> {
    const piece = this.#bytes.subarray(this.#position, this.#position + target.byteLength);
    target.set(piece);
    this.#position += piece.byteLength;
    return this.#isAsync ? Promise.resolve(piece.byteLength) : piece.byteLength;
  }

  observe(bytes: Uint8Array): void {
    this.#observed.push(bytes.slice());
  }

  get observed(): Uint8Array {
    return concatBytes(this.#observed);
  }

  close(): void {
    this.closedCount += 1;
  }
}

function sample(sizeBytes: number): Uint8Array {
  const random = seededRandom(sizeBytes);
  return Uint8Array.from({ length: sizeBytes }, () => 1 + random.below(255));
}

/** As the codec consumes it: every chunk is copied and given back. */
async function write(items: Iterable<TarItem>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(items)) {
    chunks.push(chunk.slice());
    recycle(chunk);
  }
  for (const chunk of chunks.slice(0, -1)) expect(chunk.byteLength).toBe(TAR_CHUNK_BYTES);
  return concatBytes(chunks);
}

async function entriesOf(tar: Uint8Array) {
  const entries: { header: TarHeader; offset: number; content: Uint8Array }[] = [];
  let chunks: Uint8Array[] = [];
  let current: { header: TarHeader; offset: number } | undefined;
  const input = (async function* () {
    yield tar;
  })();
  await readTar(
    input,
    {
      begin: (header, offset) => {
        current = { header, offset };
        chunks = [];
      },
      content: (chunk) => chunks.push(chunk.slice()),
      end: () => {
        if (current !== undefined) entries.push({ ...current, content: concatBytes(chunks) });
      },
    },
    { what: "test.tar" },
  );
  return entries;
}

describe("writeTar", () => {
  test.each([false, true])("gives back what went in (asynchronous: %s)", async (isAsync) => {
    const sizes = [0, 1, 511, 512, 513, 8192, TAR_CHUNK_BYTES - 512, TAR_CHUNK_BYTES + 3];
    const offsets: number[] = [];
    const items = sizes.map((size, index) => ({
      header: headerOf(`/base/5/${index}`, size),
      content: new BytesContent(sample(size), isAsync),
      onOffset: (offset: number) => offsets.push(offset),
    }));
    const directory = { header: headerOf("/base", 0, "directory"), content: undefined };
    const entries = await entriesOf(await write([directory, ...items]));
    expect(entries.map(({ header }) => header.name)).toEqual([
      "/base",
      ...sizes.map((_, index) => `/base/5/${index}`),
    ]);
    expect(entries.slice(1).map(({ offset }) => offset)).toEqual(offsets);
    for (const [index, size] of sizes.entries()) {
      expect(Buffer.compare(entries[index + 1]?.content ?? new Uint8Array(), sample(size))).toBe(0);
      expect(Buffer.compare(items[index]?.content.observed ?? new Uint8Array(), sample(size))).toBe(
        0,
      );
      expect(items[index]?.content.closedCount).toBe(1);
    }
  });

  test("fills what a shrunken file lacks with zeros, also in used buffers", async () => {
    const noise = {
      header: headerOf("/noise", 3 << 20),
      content: new BytesContent(sample(3 << 20)),
    };
    const short = new BytesContent(sample(100));
    const items = [noise, { header: headerOf("/short", 2 << 20), content: short }];
    const [, entry] = await entriesOf(await write(items));
    const expected = new Uint8Array(2 << 20);
    expected.set(sample(100));
    expect(Buffer.compare(entry?.content ?? new Uint8Array(), expected)).toBe(0);
    expect(Buffer.compare(short.observed, expected)).toBe(0);
  });

  test("does not read what a file has grown by", async () => {
    const grown = new BytesContent(sample(5000));
    const [entry] = await entriesOf(
      await write([{ header: headerOf("/grown", 1000), content: grown }]),
    );
    expect(entry?.content).toEqual(sample(5000).subarray(0, 1000));
  });

  test("closes the source when reading it fails, and passes the error on", async () => {
    const failing = new BytesContent(sample(10));
    failing.read = () => {
      throw new Error("disk");
    };
    await expect(write([{ header: headerOf("/x", 10), content: failing }])).rejects.toThrow("disk");
    expect(failing.closedCount).toBe(1);
  });

  test("closes the source when the reader stops early", async () => {
    const content = new BytesContent(sample(3 << 20));
    for await (const chunk of writeTar([{ header: headerOf("/x", 3 << 20), content }])) {
      expect(chunk.byteLength).toBe(TAR_CHUNK_BYTES);
      break;
    }
    expect(content.closedCount).toBe(1);
  });

  test("is understood by GNU tar", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tar-writer-"));
    try {
      const name = `base/${"long".repeat(60)}/16390`;
      const item = { header: headerOf(name, 700), content: new BytesContent(sample(700)) };
      const path = join(folder, "x.tar");
      writeFileSync(path, await write([item]));
      const listed = Bun.spawnSync(["tar", "-tf", path]);
      expect(listed.stderr.toString()).toBe("");
      expect(listed.stdout.toString().trim()).toBe(name);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
