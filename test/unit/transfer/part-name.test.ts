// Proves which codec the name of a stored part means, in every spelling that WAL-G has used.
import { describe, expect, it } from "vitest";
import { parsePartName } from "../../../src/transfer/part-name.ts";

describe("part name", () => {
  it.each([
    ["tar_partitions/part_001.tar.zst", "tar_partitions/part_001.tar", "zstd"],
    ["tar_partitions/part_1000.tar.lz4", "tar_partitions/part_1000.tar", "lz4"],
    ["tar_partitions/pg_control.tar.br", "tar_partitions/pg_control.tar", "brotli"],
    ["tar_partitions/part_1.tar.lzma", "tar_partitions/part_1.tar", "lzma"],
    ["tar_partitions/part_1.tar.gz", "tar_partitions/part_1.tar", "gzip"],
    ["tar_partitions/part_00000000.tar.lzo", "tar_partitions/part_00000000.tar", "lzo"],
    ["tar_partitions/part_001.tar", "tar_partitions/part_001.tar", "none"],
    ["tar_partitions/part_001.tar.", "tar_partitions/part_001.tar", "none"],
    ["tar_partitions/copy_0.tar.tar", "tar_partitions/copy_0.tar", "none"],
    ["a.b/stream", "a.b/stream", "none"],
  ])("%s is %s, %s", (stored, name, codec) => {
    expect(parsePartName(stored)).toEqual({ name, codec });
  });

  it("refuses an extension that nobody wrote", () => {
    expect(() => parsePartName("tar_partitions/part_001.tar.xz")).toThrow(/unknown extension "xz"/);
  });
});
