// A file on its way into a part: its hashes, page checksums with reads that are torn or stay wrong,
// faults of the disk that pass or stay, and files that vanish, grow or shrink meanwhile.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../../../../src/base/clock.ts";
import { FilesystemError } from "../../../../src/base/errors.ts";
import { BackupFile } from "../../../../src/database/postgres/backup-file.ts";
import type { FileReading, ReadAt } from "../../../../src/database/postgres/opened-file.ts";
import { pageChecksum } from "../../../../src/delta/page-checksum.ts";
import { ContentHasher, PAGE_LEAF_BYTES } from "../../../../src/stream/content-hash.ts";
import { entryOf } from "../../../support/directory-entry.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";
import { incompressible } from "../../../support/sample-bytes.ts";

const NEVER = new AbortController().signal;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "file-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Opens `content` as a file of the name; what was slept and logged is kept. */
function open(name: string, content: Uint8Array, change: Partial<FileReading> = {}) {
  const path = join(dir, "file");
  writeFileSync(path, content);
  const slept: number[] = [];
  const clock: Clock = {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: async (delayMs, signal) => {
      signal.throwIfAborted();
      slept.push(delayMs);
    },
  };
  const { log, lines } = recordingLogger();
  const reading = { checksPages: true, isParallel: false, clock, log, signal: NEVER, ...change };
  const file = BackupFile.open(entryOf(name, { localPath: path }), reading);
  if (file === undefined) throw new Error("it is there");
  return { file, path, slept, lines };
}

async function readAll(file: BackupFile, chunkBytes = 1 << 20): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const target = new Uint8Array(chunkBytes);
    const bytes = await file.read(target);
    if (bytes === 0) return Buffer.concat(chunks);
    const chunk = target.subarray(0, bytes);
    file.observe(chunk);
    chunks.push(chunk);
  }
}

/** Pages with right checksums, as blocks from `firstBlock` on. */
function pages(count: number, firstBlock = 0): Uint8Array {
  const bytes = new Uint8Array(count * PAGE_LEAF_BYTES);
  for (let index = 0; index < count; index += 1) {
    const page = bytes.subarray(index * PAGE_LEAF_BYTES, (index + 1) * PAGE_LEAF_BYTES);
    page.set(incompressible(PAGE_LEAF_BYTES, firstBlock + index));
    // pd_upper of a page that is not new.
    page.set([0x00, 0x10], 14);
    const words = new Int32Array(bytes.buffer, page.byteOffset, PAGE_LEAF_BYTES / 4);
    const facts = { words, start: 0, count: words.length };
    new DataView(bytes.buffer).setUint16(
      page.byteOffset + 8,
      pageChecksum(facts, firstBlock + index),
      true,
    );
  }
  return bytes;
}

function spoiled(content: Uint8Array, blocks: readonly number[]): Uint8Array {
  const bytes = content.slice();
  for (const block of blocks)
    bytes[block * PAGE_LEAF_BYTES + 4000] = (bytes[block * PAGE_LEAF_BYTES + 4000] ?? 0) ^ 1;
  return bytes;
}

describe("content", () => {
  test.each([1000, 8192, 12_345, 1 << 20])(
    "is read and hashed in chunks of %i bytes",
    async (chunkBytes) => {
      const content = pages(5);
      for (const isParallel of [false, true]) {
        const { file } = open("/base/5/16384", content, { isParallel });
        expect((await readAll(file, chunkBytes)).equals(content)).toBe(true);
        const hasher = new ContentHasher(PAGE_LEAF_BYTES);
        hasher.update(content);
        const { hash, leaves } = hasher.digest();
        expect(file.digest()).toEqual({ hash, pageHashes: leaves });
        expect(file.corruptBlocks).toEqual([]);
        file.close();
      }
    },
  );

  test("of files without pages has one hash and no check", async () => {
    const { file } = open("/postgresql.conf", spoiled(pages(2), [0]));
    await readAll(file);
    expect(file.digest().pageHashes).toBeUndefined();
    expect(file.corruptBlocks).toEqual([]);
    file.close();
  });

  test("a file that vanished is no error, one that cannot be opened is", () => {
    const { log } = recordingLogger();
    const clock: Clock = { now: () => new Date(0), monotonicMs: () => 0, sleep: async () => {} };
    const reading = { checksPages: true, isParallel: false, clock, log, signal: NEVER };
    expect(
      BackupFile.open(entryOf("/x", { localPath: join(dir, "gone") }), reading),
    ).toBeUndefined();
    const below = join(dir, "plain");
    writeFileSync(below, "");
    const open = () => BackupFile.open(entryOf("/x", { localPath: join(below, "y") }), reading);
    expect(open).toThrow(FilesystemError);
  });
});

describe("page checksums", () => {
  test("that are wrong are named by block within the file", async () => {
    const { file } = open("/base/5/16384", spoiled(pages(5), [1, 4]));
    await readAll(file);
    expect(file.corruptBlocks).toEqual([1, 4]);
    file.close();
  });

  test("count blocks across the segments of a relation", async () => {
    const second = pages(3, 131_072);
    const { file } = open("/base/5/16384.1", second);
    await readAll(file);
    expect(file.corruptBlocks).toEqual([]);
    file.close();
    const { file: misplaced } = open("/base/5/16384", second);
    await readAll(misplaced);
    expect(misplaced.corruptBlocks).toEqual([0, 1, 2]);
    misplaced.close();
  });

  test("are not looked at when nobody wants it", async () => {
    const { file } = open("/base/5/16384", spoiled(pages(2), [0]), { checksPages: false });
    await readAll(file);
    expect(file.corruptBlocks).toEqual([]);
    file.close();
  });

  test("new pages and a short end are right", async () => {
    const content = new Uint8Array(2 * PAGE_LEAF_BYTES + 100).fill(0);
    const { file } = open("/base/5/16384", content);
    await readAll(file);
    expect(file.corruptBlocks).toEqual([]);
    file.close();
  });

  test("of a page that is being written are right once it is read again", async () => {
    const whole = pages(3);
    const torn = spoiled(whole, [1]);
    let reads = 0;
    const readAt: ReadAt = (_descriptor, target, position) => {
      reads += 1;
      // The first read and the second look see the page torn.
      const source = reads <= 2 ? torn : whole;
      const piece = source.subarray(position, position + target.byteLength);
      target.set(piece);
      return piece.byteLength;
    };
    const { file } = open("/base/5/16384", whole, { readAt });
    await readAll(file);
    expect(file.corruptBlocks).toEqual([]);
    file.close();
  });

  test("of a page that the file has lost by now are right", async () => {
    const { file, path } = open("/base/5/16384", spoiled(pages(3), [2]));
    const target = new Uint8Array(1 << 20);
    const bytes = await file.read(target);
    truncateSync(path, 2 * PAGE_LEAF_BYTES);
    file.observe(target.subarray(0, bytes));
    expect(file.corruptBlocks).toEqual([]);
    file.close();
  });

  test("of a file that is corrupt throughout do not hold the backup up", async () => {
    const count = 400;
    const all = Array.from({ length: count }, (_, index) => index);
    const { file } = open("/base/5/16384", spoiled(pages(count), all));
    const startMs = performance.now();
    await readAll(file);
    expect(file.corruptBlocks).toEqual(all);
    // Twenty blocks get ten milliseconds each; 400 would be four seconds.
    expect(performance.now() - startMs).toBeLessThan(2_000);
    file.close();
  });
});

describe("faults of the disk", () => {
  const fault = (code: string) => Object.assign(new Error(`${code}: bad disk`), { code });

  /** Reads that throw the faults one after another, and work then. */
  function failing(content: Uint8Array, faults: readonly Error[]): ReadAt {
    const left = [...faults];
    return (_descriptor, target, position) => {
      const next = left.shift();
      if (next !== undefined) throw next;
      const piece = content.subarray(position, position + target.byteLength);
      target.set(piece);
      return piece.byteLength;
    };
  }

  test("that pass are read over, and told", async () => {
    const content = pages(2);
    const readAt = failing(content, [fault("EIO"), fault("EIO"), fault("ESTALE")]);
    const { file, slept, lines } = open("/base/5/16384", content, { readAt });
    expect((await readAll(file)).equals(content)).toBe(true);
    expect(slept).toEqual([50, 100, 200]);
    expect(lines).toHaveLength(3);
    expect(lines.at(-1)).toContain("read at 0 failed: ESTALE: bad disk");
    file.close();
  });

  test("that stay end the backup after four tries, and each one is told", async () => {
    const faults = [fault("EIO"), fault("ESTALE"), fault("EIO"), fault("ETIMEDOUT"), fault("EIO")];
    const { file, path } = open("/base/5/16384", pages(1), { readAt: failing(pages(1), faults) });
    const failure = await readAll(file).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FilesystemError);
    expect(String(failure)).toContain(
      `${path}: EIO: bad disk; then: ESTALE: bad disk; then: ETIMEDOUT: bad disk (4 tries)`,
    );
    file.close();
  });

  test("that cannot pass are not tried again", async () => {
    const readAt = failing(pages(1), [fault("EISDIR"), fault("EIO")]);
    const { file, slept } = open("/base/5/16384", pages(1), { readAt });
    await expect(readAll(file)).rejects.toThrow("EISDIR");
    expect(slept).toEqual([]);
    file.close();
  });

  test("are not waited for after an abort", async () => {
    const stop = new AbortController();
    const readAt = failing(pages(1), [fault("EIO"), fault("EIO")]);
    const { file } = open("/base/5/16384", pages(1), { readAt, signal: stop.signal });
    stop.abort(new Error("stopped"));
    await expect(readAll(file)).rejects.toThrow("stopped");
    file.close();
  });
});

describe("a limited disk", () => {
  test.each([true, false])("each read is paid for (parallel: %s)", async (isParallel) => {
    const content = incompressible(700_000, 1);
    const paid: number[] = [];
    const diskLimit = {
      bytesPerSecond: 1,
      take: async (bytes: number) => void paid.push(bytes),
    };
    const { file } = open("/PG_VERSION", content, { diskLimit, isParallel });
    expect((await readAll(file, 300_000)).equals(content)).toBe(true);
    expect(paid).toEqual([300_000, 300_000, 100_000, 0]);
    file.close();
  });
});
