// Two objects of different content for one segment are an error, whichever comes first; equal ones
// serve. Run with the compiled binary.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(15, "middle");

test.each(["none", "lz4", "zstd", "brotli", "lzma"])(
  "G17 never picks one of two, writing %s",
  async (codec) => {
    using archive = new WalArchive("g17");
    archive.identify(golden);
    archive.ready(golden.name, golden.bytes);
    const settings = { WALG_COMPRESSION_METHOD: codec };
    await archive.push(golden.name, { settings });
    // As another tool would leave it beside ours, in other bytes.
    const other = Bun.gzipSync(golden.bytes);
    archive.tamper(`${golden.name}.gz`, other);
    expect((await archive.fetch(golden.name, { settings })).exitCode).toBe(0);
    expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
    archive.tamper(`${golden.name}.gz`, Bun.gzipSync(otherHistory(golden).bytes));
    const result = await archive.fetch(golden.name, { settings });
    expect(result.exitCode).toBe(23);
    expect(result.stderr).toContain("stored with different contents");
    expect(archive.takeFetched()).toBeUndefined();
  },
);
