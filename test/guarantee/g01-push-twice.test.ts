// A segment pushed twice with the same content is success, stores nothing new and warns; run with
// the compiled binary on real segments, under every codec.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

test.each(["none", "lz4", "zstd", "brotli", "lzma"])(
  "G01 the same content again is success, also when it is stored as %s",
  async (codec) => {
    const golden = goldenSegment(15, "middle");
    using archive = new WalArchive("g01");
    archive.identify(golden);
    archive.ready(golden.name, golden.bytes);
    const first = await archive.push(golden.name, {
      settings: { WALG_COMPRESSION_METHOD: codec },
    });
    expect(first).toMatchObject({ exitCode: 0 });
    const stored = archive.stored();
    const bytes = archive.object(stored[0] ?? "");
    const again = await archive.push(golden.name);
    expect(again.exitCode).toBe(0);
    const said = `WAL file 'pg_wal/${golden.name}' already archived with equal content, skipping\n`;
    expect(again.stderr.match(/\n/g)).toHaveLength(1);
    expect(again.stderr).toMatch(/^WARNING: /);
    expect(again.stderr.endsWith(said)).toBe(true);
    const asWalg = await archive.push(golden.name, { name: "wal-g" });
    expect(asWalg.exitCode).toBe(0);
    expect(asWalg.stderr.match(/\n/g)).toHaveLength(1);
    expect(asWalg.stderr).toMatch(/^INFO: /);
    expect(asWalg.stderr.endsWith(said)).toBe(true);
    expect(archive.stored()).toEqual(stored);
    expect(archive.object(stored[0] ?? "").equals(bytes)).toBe(true);
    const silenced = await archive.push(golden.name, { settings: { WALG_LOG_LEVEL: "ERROR" } });
    expect(silenced).toMatchObject({ exitCode: 0, stderr: "" });
  },
);
