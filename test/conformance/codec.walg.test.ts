// Proves that every object in the repositories that WAL-G wrote decodes, to exactly the bytes
// that the standard tool gives, and that none of them still decodes when cut or extended.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import type { CodecName } from "../../src/codec/codec.ts";
import { codecOfExtension, openCodec } from "../../src/codec/registry.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { runTool } from "../support/compression-tool.ts";
import { fixtureNames, readFixture } from "../support/fixture.ts";
import { cipherOf } from "../support/open-cipher.ts";
import { inChunks, seededFractions } from "../support/sample-bytes.ts";

const LIMIT_BYTES = 1 << 28;
const REFERENCE: Readonly<Partial<Record<CodecName, (stored: Uint8Array) => Uint8Array>>> = {
  lz4: (stored) => runTool("lz4", ["-dc"], stored),
  zstd: (stored) => runTool("zstd", ["-dc"], stored),
  brotli: (stored) => runTool("brotli", ["-dc"], stored),
  lzma: (stored) => runTool("xz", ["--format=lzma", "-dc"], stored),
};

/** The objects of a fixture that went through a codec. */
function compressedObjects(repository: string): { path: string; codec: CodecName }[] {
  return readdirSync(repository, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const codec = codecOfExtension(entry.name.slice(entry.name.lastIndexOf(".") + 1));
    if (!entry.isFile() || codec === undefined || !entry.name.includes(".")) return [];
    return [{ path: join(entry.parentPath, entry.name), codec }];
  });
}

async function decode(codecName: CodecName, stored: Uint8Array): Promise<Uint8Array> {
  const codec = await openCodec(codecName);
  const input = inChunks(stored, { sizeBytesMax: 65536, seed: stored.byteLength });
  return collect(codec.decompress(input), LIMIT_BYTES);
}

async function expectRefusal(codec: CodecName, stored: Uint8Array, what: string): Promise<void> {
  const result = await decode(codec, stored).catch((error: unknown) => error);
  expect(result, what).toBeInstanceOf(CorruptObjectError);
}

describe("repositories that WAL-G wrote", () => {
  test("are all there, in every codec", () => {
    const codecs = fixtureNames().flatMap((name) =>
      compressedObjects(join(readFixture(name).source, "repo")).map(({ codec }) => codec),
    );
    expect([...new Set(codecs)].sort()).toEqual(["brotli", "lz4", "lzma", "zstd"]);
  });

  test.each(fixtureNames())("%s decodes", async (name) => {
    const fixture = readFixture(name);
    const cipher = await cipherOf(fixture.settings);
    for (const { path, codec } of compressedObjects(join(fixture.source, "repo"))) {
      const opened = await collect(
        cipher.decrypt(inChunks(readFileSync(path), { sizeBytesMax: 50_000, seed: 1 })),
        LIMIT_BYTES,
      );
      const plain = await decode(codec, opened);
      const expected = REFERENCE[codec]?.(opened);
      expect(expected, path).toBeDefined();
      expect(Buffer.compare(plain, expected ?? new Uint8Array(0)), path).toBe(0);
      const random = seededFractions(opened.byteLength);
      for (let round = 0; round < 3; round++) {
        const cut = 1 + Math.floor(random() * (opened.byteLength - 1));
        await expectRefusal(codec, opened.subarray(0, cut), `${path} cut to ${cut}`);
      }
      await expectRefusal(codec, Buffer.concat([opened, Uint8Array.of(0)]), path);
    }
  });
});
