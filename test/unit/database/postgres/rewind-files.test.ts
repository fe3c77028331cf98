// Proves on segments of real servers that WAL is read by place over pages and segments, and that
// what lies there under a wrong name, of another cluster or cut short is refused.
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LocalWal } from "../../../../src/database/postgres/rewind-files.ts";
import { toLsn } from "../../../../src/delta/lsn.ts";
import { isSegmentName, parseSegmentName } from "../../../../src/wal/segment-name.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";
import { makeScratch } from "../../../support/scratch.ts";
import { systemIdentifierOf } from "../../../support/wal-archive.ts";

const MIB = 1 << 20;
const segments = [goldenSegment(15, "middle"), goldenSegment(15, "switched")];
const first = segments[0] ?? goldenSegment(15, "middle");
const own = {
  systemIdentifier: systemIdentifierOf(first),
  segmentBytes: MIB,
  walBlockBytes: 8192,
};

function scene() {
  const scratch = makeScratch("rewind");
  const dir = join(scratch.path, "pg_wal");
  mkdirSync(dir);
  const paths = new Map<bigint, string>();
  for (const { name, bytes } of segments) {
    const number = isSegmentName(name) ? parseSegmentName(name, MIB)?.number : undefined;
    paths.set(number ?? -1n, join(dir, name));
    writeFileSync(join(dir, name), bytes);
  }
  const numbers = [...paths.keys()];
  return {
    numbers,
    dir,
    pathOf: async (number: bigint) => paths.get(number) ?? join(dir, "absent"),
    [Symbol.dispose]: () => scratch[Symbol.dispose](),
  };
}

test("reads what the segments hold, in any order", async () => {
  using made = scene();
  using wal = new LocalWal(own, made.pathOf);
  const target = new Uint8Array(24);
  for (const offset of [40, 8192 + 8168, 5 * 8192 + 100, 64]) {
    for (const [index, number] of made.numbers.entries()) {
      await wal.read(target, toLsn(number * BigInt(MIB) + BigInt(offset)));
      expect(target).toEqual(segments[index]?.bytes.slice(offset, offset + 24));
    }
  }
});

test("refuses an absent, a strange, a misnamed and a short segment", async () => {
  using made = scene();
  const [number = 0n, next = 0n] = made.numbers;
  const lsn = toLsn(number * BigInt(MIB) + 64n);
  const read = async (owner: typeof own, pathOf = made.pathOf) => {
    using wal = new LocalWal(owner, pathOf);
    await wal.read(new Uint8Array(8), lsn);
  };
  await expect(read(own, async () => join(made.dir, "absent"))).rejects.toThrow("ENOENT");
  await expect(read({ ...own, systemIdentifier: 1n })).rejects.toThrow("system identifier is");
  const path = await made.pathOf(number);
  writeFileSync(path, segments[1]?.bytes ?? "");
  await expect(read(own)).rejects.toThrow("holds WAL from");
  writeFileSync(path, first.bytes);
  truncateSync(path, MIB - 8192);
  await expect(read(own)).rejects.toThrow(`has ${MIB - 8192} bytes`);
  expect(next).toBe(number + 1n);
});
