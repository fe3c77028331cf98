// Proves that receipts pass to the storage while the backup runs, within a bounded queue, and that
// a storage that gives up, or an abort, ends every wait.
import { describe, expect, test } from "vitest";
import { ReceiptsWriter } from "../../../src/catalog/receipts-writer.ts";
import type { PartReceipt } from "../../../src/transfer/stored-part.ts";
import { PLAIN_CIPHER } from "../../support/aes-cipher.ts";
import { NEVER, samplePart } from "../../support/receipts.ts";

/** A part of 1 GiB in one file: 131072 page hashes, 1 MiB of receipts. */
function largePart(number: number): PartReceipt {
  const part = samplePart(number);
  const pageHashes = new BigUint64Array(131_072).map((_, i) => BigInt(i) * 0x9e37_79b9_7f4a_7c15n);
  const [first] = part.entries;
  if (first === undefined) throw new Error("no entry");
  return { ...part, entries: [{ ...first, kind: "whole", sizeBytes: 2 ** 30, pageHashes }] };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(pending)])) !== pending;
}

describe("a writer of receipts", () => {
  test("gives sections out before the backup ends", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    const source = writer.source.open(NEVER)[Symbol.asyncIterator]();
    await writer.append(samplePart(1));
    const first = await source.next();
    expect(first.done).toBe(false);
    const waiting = source.next();
    expect(await settled(waiting)).toBe(false);
    await writer.append(samplePart(2));
    expect((await waiting).done).toBe(false);
    await writer.finish();
    let rest = 0;
    for (let next = await source.next(); next.done !== true; next = await source.next()) rest += 1;
    expect(rest).toBe(2);
    expect(writer.facts().version).toBe(1);
  });

  test("keeps a section of 131072 pages at 8 bytes a page", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    await writer.append(largePart(1));
    await writer.finish();
    const { sizeBytes } = writer.facts();
    expect(sizeBytes).toBeGreaterThan(1 << 20);
    expect(sizeBytes).toBeLessThan((1 << 20) + 1000);
  });

  test("makes appending wait when the storage is slow, and go on when it takes bytes", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    const source = writer.source.open(NEVER)[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i += 1) await writer.append(largePart(i));
    const fourth = writer.append(largePart(4));
    expect(await settled(fourth)).toBe(false);
    await source.next();
    expect(await settled(fourth)).toBe(false);
    await source.next();
    await fourth;
  });

  test("fails appending once the storage gave up", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    const source = writer.source.open(NEVER)[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i += 1) await writer.append(largePart(i));
    const waiting = writer.append(largePart(4));
    await source.next();
    await source.return?.();
    await expect(waiting).rejects.toThrow("gave up the receipts");
    await expect(writer.append(samplePart(5))).rejects.toThrow("gave up the receipts");
  });

  test("fails appending with the reason of the put that never opened the source", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    let refuse: (error: Error) => void = () => {};
    writer.storedBy(new Promise((_, reject) => (refuse = reject)));
    for (let i = 0; i < 3; i += 1) await writer.append(largePart(i));
    const waiting = writer.append(largePart(4));
    expect(await settled(waiting)).toBe(false);
    refuse(new Error("access denied"));
    await expect(waiting).rejects.toThrow("access denied");
    await expect(writer.append(samplePart(5))).rejects.toThrow("access denied");
  });

  test("ends its source with the reason of an abort, also while it waits", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    const stop = new AbortController();
    const source = writer.source.open(stop.signal)[Symbol.asyncIterator]();
    const waiting = source.next();
    stop.abort(new Error("interrupted"));
    await expect(waiting).rejects.toThrow("interrupted");
    await expect(writer.append(samplePart(1))).rejects.toThrow("gave up the receipts");
  });

  test("refuses receipts after its end, and facts before it", async () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    expect(() => writer.facts()).toThrow("not finished");
    await writer.finish();
    await expect(writer.append(samplePart(1))).rejects.toThrow("after the end");
    expect(() => writer.addDocument({ name: "x", sizeBytes: 1, sha256: "" })).toThrow("after");
  });

  test("has a source that cannot be opened twice", () => {
    const writer = new ReceiptsWriter({ cipher: PLAIN_CIPHER });
    expect(writer.source.replayable).toBe(false);
    expect(writer.source.sizeBytes).toBeUndefined();
    writer.source.open(NEVER);
    expect(() => writer.source.open(NEVER)).toThrow("opened twice");
  });
});
