// Proves the way back to the last checkpoint over random WAL, with records of every size up to
// several pages, forks at each of their ends, and over links that are broken.
import { describe, expect, test } from "vitest";
import {
  lastCheckpointBefore,
  type WalBytes,
} from "../../../../src/database/postgres/rewind-chain.ts";
import { type Lsn, toLsn } from "../../../../src/delta/lsn.ts";
import { seededRandom } from "../../../support/random.ts";

const PAGE = 1024;
const SEGMENT = 8 * PAGE;
const START = 3 * SEGMENT;
const signal = new AbortController().signal;

interface Written {
  readonly lsn: number;
  readonly end: number;
  readonly redo: number | undefined;
}

/** WAL from `START` on: page headers are left as 0xff, which no record may be read from. */
class Writer implements WalBytes {
  readonly segmentBytes = SEGMENT;
  readonly pageBytes = PAGE;
  readonly bytes = new Uint8Array(60 * SEGMENT).fill(0xff);
  readonly records: Written[] = [];
  #at = START;

  write(totalBytes: number, redo?: number, online = true): void {
    const record = new Uint8Array(totalBytes);
    const view = new DataView(record.buffer);
    view.setUint32(0, totalBytes, true);
    view.setBigUint64(8, BigInt(this.records.at(-1)?.lsn ?? 0), true);
    view.setUint8(16, redo === undefined ? 0x30 : online ? 0x10 : 0x00);
    view.setUint8(17, redo === undefined ? totalBytes % 20 : 0);
    if (redo !== undefined) {
      view.setUint8(24, 255);
      view.setBigUint64(26, BigInt(redo), true);
    }
    const lsn = this.#skipHeader();
    for (const byte of record) {
      this.bytes[this.#skipHeader()] = byte;
      this.#at += 1;
    }
    this.#at = (this.#at + 7) & ~7;
    this.records.push({ lsn, end: this.#at, redo });
  }

  async read(target: Uint8Array, lsn: Lsn): Promise<void> {
    const at = Number(lsn);
    expect(Math.floor(at / PAGE)).toBe(Math.floor((at + target.byteLength - 1) / PAGE));
    target.set(this.bytes.subarray(at, at + target.byteLength));
  }

  #skipHeader(): number {
    if (this.#at % SEGMENT === 0) this.#at += 40;
    else if (this.#at % PAGE === 0) this.#at += 24;
    return this.#at;
  }
}

describe("lastCheckpointBefore", () => {
  test("finds the last checkpoint before each end of a record", async () => {
    const random = seededRandom(20_261_124);
    const wal = new Writer();
    wal.write(114, 1);
    for (let count = 0; count < 600; count += 1) {
      const isCheckpoint = random.below(10) === 0;
      if (isCheckpoint) wal.write(114, 1000 + count, random.below(2) === 0);
      else wal.write(24 + random.below(random.pick([8, 60, 600, 3 * PAGE])));
    }
    wal.write(40);
    for (const [index, { end }] of wal.records.entries()) {
      if (index === wal.records.length - 1) continue;
      const truth = wal.records.slice(0, index + 1).findLast(({ redo }) => redo !== undefined);
      const found = await lastCheckpointBefore(toLsn(BigInt(end)), wal, signal);
      expect(found).toEqual({ lsn: BigInt(truth?.lsn ?? 0), redoLsn: BigInt(truth?.redo ?? 0) });
    }
  });

  test("takes a checkpoint at the fork for the other branch's", async () => {
    const wal = new Writer();
    wal.write(114, 5);
    wal.write(60);
    wal.write(114, 9, false);
    const fork = wal.records[1]?.end ?? 0;
    expect((await lastCheckpointBefore(toLsn(BigInt(fork)), wal, signal)).redoLsn).toBe(5n);
  });

  test.each([
    ["no checkpoint at all", (_view: DataView) => {}, "no checkpoint is before it"],
    ["a link forward", (view: DataView) => view.setBigUint64(8, 1n << 40n, true), "one before"],
    ["no record", (view: DataView) => view.setUint32(0, 3, true), "is no WAL record"],
  ])("throws on %s", async (_title, damage, message) => {
    const wal = new Writer();
    wal.write(60);
    wal.write(80);
    wal.write(80);
    const { lsn = 0, end = 0 } = wal.records[1] ?? {};
    damage(new DataView(wal.bytes.buffer, lsn));
    await expect(lastCheckpointBefore(toLsn(BigInt(end)), wal, signal)).rejects.toThrow(message);
  });

  test("throws on a checkpoint without data, and stops when asked to", async () => {
    const wal = new Writer();
    wal.write(114, 5);
    wal.write(60);
    wal.bytes[(wal.records[0]?.lsn ?? 0) + 24] = 1;
    const fork = toLsn(BigInt(wal.records[0]?.end ?? 0));
    await expect(lastCheckpointBefore(fork, wal, signal)).rejects.toThrow("without its data");
    await expect(lastCheckpointBefore(fork, wal, AbortSignal.abort())).rejects.toThrow();
  });
});
