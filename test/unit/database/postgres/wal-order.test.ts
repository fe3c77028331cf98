// The order of segments, what proves a hole, and the checks of each kind of WAL file. Whole
// fetches are proven in fetch-journal.test.ts.
import { expect, test } from "vitest";
import type { JournalListing } from "../../../../src/database/journal.ts";
import { WalOrder } from "../../../../src/database/postgres/wal-order.ts";
import { goldenSegment } from "../../../support/golden-wal.ts";

const { signal } = new AbortController();
const MIB = 1 << 20;

test("segments follow each other over the end of a log file, whatever their size", () => {
  const small = new WalOrder({ segmentBytes: MIB }, undefined);
  expect(small.following("000000010000000000000FFE", 2)).toEqual([
    "000000010000000000000FFF",
    "000000010000000100000000",
  ]);
  const byDefault = new WalOrder({}, undefined);
  expect(byDefault.following("0000000100000000000000FF", 1)).toEqual(["000000010000000100000000"]);
  const bySetting = new WalOrder({}, 64 * MIB);
  expect(bySetting.following("00000001000000000000003F", 1)).toEqual(["000000010000000100000000"]);
  for (const name of ["00000002.history", "000000010000000000000001.partial", "x"]) {
    expect(small.following(name, 5)).toEqual([]);
  }
  expect(bySetting.following("0000000100000000000000FF", 5)).toEqual([]);
});

function listing(names: readonly string[], files: Record<string, string> = {}): JournalListing {
  return {
    async *names(prefix, after) {
      const from = after === undefined ? "" : `${after}~`;
      yield* names.filter((name) => name.startsWith(prefix) && name > from).sort();
    },
    small: async (name) => {
      const text = files[name];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
  };
}

test("only a later segment of the same timeline proves a hole", async () => {
  const order = new WalOrder({ segmentBytes: MIB }, undefined);
  const hole = (name: string, names: readonly string[], files?: Record<string, string>) =>
    order.hole(name, listing(names, files), signal);
  const asked = "000000010000000000000005";
  expect(await hole(asked, ["000000010000000000000006.zst"])).toContain("000000010000000000000006");
  expect(await hole(asked, ["000000010000000000000006"])).toBeDefined();
  for (const harmless of [
    "000000010000000000000004.zst",
    "000000010000000000000005.partial.zst",
    "000000010000000000000006.partial.zst",
    "000000010000000000000006.00000028.backup.zst",
    "000000010000000000000006.json",
    "000000010000000000000010_delta.lz4",
    "000000020000000000000006.zst",
  ]) {
    expect(await hole(asked, [harmless]), harmless).toBeUndefined();
  }
  expect(await hole("00000001.history", ["000000010000000000000006"])).toBeUndefined();
});

test("on later timelines the name must not be from before the timeline began", async () => {
  const order = new WalOrder({ segmentBytes: MIB }, undefined);
  const asked = "000000030000000000000005";
  const later = "000000030000000000000007.lz4";
  const hole = (names: readonly string[], files?: Record<string, string>) =>
    order.hole(asked, listing(names, files), signal);
  expect(await hole([later])).toBeUndefined();
  expect(await hole([later, "000000030000000000000004.lz4"])).toBeDefined();
  const history = (lsn: string) => ({ "00000003.history": `1\t0/1\tx\n\n2\t${lsn}\ty\n` });
  expect(await hole([later], history("0/5FFFFF"))).toBeDefined();
  expect(await hole([later], history("0/600000"))).toBeUndefined();
});

test("names that PostgreSQL does not archive pass unchecked", () => {
  const check = new WalOrder({}, undefined).check("x", { isChecksummed: true });
  check.update(new Uint8Array(3));
  expect(check.finish()).toEqual({ isComplete: true });
});

test("a partial segment may be short, never long or of another cluster", () => {
  const golden = goldenSegment(15, "middle");
  const finish = (bytes: Uint8Array, systemIdentifier?: bigint) => {
    const order = new WalOrder({ systemIdentifier }, undefined);
    const check = order.check(`${golden.name}.partial`, { isChecksummed: false });
    for (let at = 0; at < bytes.byteLength; at += 30) check.update(bytes.subarray(at, at + 30));
    return check.finish();
  };
  expect(finish(golden.bytes.subarray(0, 5000))).toEqual({ isComplete: true });
  expect(() => finish(golden.bytes.subarray(0, 39))).toThrow();
  expect(() => finish(golden.bytes.subarray(0, 5000), 9n)).toThrow(/system identifier/);
  const longer = new Uint8Array(MIB + 1);
  longer.set(golden.bytes);
  expect(() => finish(longer)).toThrow(/1048577 bytes/);
});

test("a small file is kept, not the chunks that it came in", () => {
  const check = new WalOrder({}, undefined).check("00000002.history", { isChecksummed: true });
  for (const piece of ["1\t0/B0", "0000\tno", " reason\n"]) {
    const chunk = Buffer.from(piece);
    check.update(chunk);
    chunk.fill(0);
  }
  expect(check.finish()).toEqual({ isComplete: true });
});
