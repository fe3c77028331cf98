// A file that is not the segment of its name is refused before a byte is stored; run with the
// compiled binary on changed real segments.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");

function changed(change: (view: DataView) => void): Uint8Array {
  const bytes = golden.bytes.slice();
  change(new DataView(bytes.buffer));
  return bytes;
}

test.each([
  ["magic of an unknown version", changed((view) => view.setUint16(0, 0xd0ff, true)), /magic/],
  ["address of another segment", next.bytes, /holds WAL from/],
  ["later timeline", changed((view) => view.setUint32(4, 2, true)), /timeline 2/],
  ["another segment size", changed((view) => view.setUint32(32, 2 << 20, true)), /./],
  ["no long header", changed((view) => view.setUint16(2, 0, true)), /no long header/],
  ["text", new TextEncoder().encode("not WAL at all ".repeat(100)), /magic/],
])("G03 refuses a segment with %s", async (_, bytes, reason) => {
  using archive = new WalArchive("g03");
  archive.ready(golden.name, bytes);
  const result = await archive.push(golden.name);
  expect(result.exitCode).toBe(41);
  expect(result.stderr).toMatch(reason);
  expect(archive.stored()).toEqual([]);
});

test("G03 a page inside that is of another place leaves nothing behind", async () => {
  using archive = new WalArchive("g03");
  archive.ready(
    golden.name,
    changed((view) => view.setBigUint64(50 * 8192 + 8, 0x123456000n, true)),
  );
  const result = await archive.push(golden.name);
  expect(result.exitCode).toBe(30);
  expect(result.stderr).toContain("WAL page at");
  expect(archive.stored()).toEqual([]);
});
