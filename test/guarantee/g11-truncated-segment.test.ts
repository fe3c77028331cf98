// Empty, cut and overlong segments are refused, and nothing is stored; run with the compiled
// binary on real segments cut at many places.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(13, "middle");

test.each([0, 1, 23, 39, 40, 8192, 8193, (1 << 20) - 8192, (1 << 20) - 1, (1 << 20) + 1])(
  "G11 a segment of %i bytes is refused",
  async (sizeBytes) => {
    using archive = new WalArchive("g11");
    archive.identify(golden);
    const bytes = new Uint8Array(sizeBytes);
    bytes.set(golden.bytes.subarray(0, sizeBytes));
    for (const name of [golden.name, `${golden.name}.partial`]) {
      archive.ready(name, bytes);
      const result = await archive.push(name);
      expect(result.exitCode).toBe(41);
    }
    expect(archive.stored()).toEqual([]);
  },
);

test("G11 a file that is not there is an error", async () => {
  using archive = new WalArchive("g11");
  const result = await archive.push(golden.name);
  expect(result.exitCode).toBe(45);
  expect(result.stderr).toContain("could not open");
});
