// Nothing has the destination's name before its content is proven: damaged objects of every codec
// leave no file, and a watcher never sees an incomplete one. Run with the compiled binary.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(18, "middle");

test.each(["none", "lz4", "zstd", "brotli", "lzma"])(
  "G18 a damaged %s leaves nothing",
  async (codec) => {
    using archive = new WalArchive("g18");
    archive.identify(golden);
    archive.ready(golden.name, golden.bytes);
    await archive.push(golden.name, { settings: { WALG_COMPRESSION_METHOD: codec } });
    const [name = ""] = archive.stored();
    const whole = new Uint8Array(archive.object(name));
    const half = whole.byteLength >> 1;
    const flipped = whole.slice();
    flipped[half] = (flipped[half] ?? 0) ^ 0x10;
    const longer = new Uint8Array(whole.byteLength + 1);
    longer.set(whole);
    for (const damaged of [whole.subarray(0, half), whole.subarray(0, -1), flipped, longer]) {
      archive.tamper(name, damaged);
      const result = await archive.fetch(golden.name);
      expect([30, 41]).toContain(result.exitCode);
      expect(readdirSync(archive.walDir).sort()).toEqual([golden.name, "archive_status"].sort());
    }
  },
);

test.each([
  ["", (bytes: Uint8Array) => bytes],
  [".br", (bytes: Uint8Array) => brotliCompressSync(bytes, { params: { 0: 0 } })],
])(
  "G18 a changed record that decodes well (%s) is found by its checksum",
  async (suffix, encode) => {
    using archive = new WalArchive("g18");
    archive.identify(golden);
    archive.tamper(`${golden.name}${suffix}`, new Uint8Array(encode(otherHistory(golden).bytes)));
    const result = await archive.fetch(golden.name);
    expect(result.exitCode).toBe(30);
    expect(result.stderr).toContain("checksum");
    expect(archive.takeFetched()).toBeUndefined();
  },
);

test("G18 the destination is never seen incomplete", async () => {
  using archive = new WalArchive("g18");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  await archive.push(golden.name);
  const destination = join(archive.walDir, "RECOVERYXLOG");
  let isOver = false;
  const fetched = archive.fetch(golden.name).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    if (existsSync(destination)) expect(readFileSync(destination).equals(golden.bytes)).toBe(true);
    await Bun.sleep(0);
  }
  expect((await fetched).exitCode).toBe(0);
});
