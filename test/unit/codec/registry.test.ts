// Proves the table of names and extensions against WAL-G's, and that what cannot be written or
// is unknown is an error that lists the choices.
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import {
  codecOfExtension,
  EXTENSIONS,
  LOOKUP_ORDER,
  openCodec,
  parseCodecName,
  parseZstdEngine,
  parseZstdLevel,
} from "../../../src/codec/registry.ts";

describe("codec registry", () => {
  test("looks for extensions in WAL-G's order", () => {
    expect(LOOKUP_ORDER.map((name) => EXTENSIONS[name])).toEqual([
      "lz4",
      "lzma",
      "gz",
      "br",
      "lzo",
      "zst",
      "",
    ]);
  });

  test.each(LOOKUP_ORDER)("opens %s, which has its extension", async (name) => {
    const codec = await openCodec(name);
    expect(codec.name).toBe(name);
    expect(codec.extension).toBe(EXTENSIONS[name]);
    expect(codecOfExtension(codec.extension)).toBe(name);
    expect(codec.compress === undefined).toBe(name === "gzip" || name === "lzo");
  });

  test("knows no other extension", () => {
    for (const text of ["zstd", "ZST", "tar", "xz", "lz4.tmp"]) {
      expect(codecOfExtension(text)).toBeUndefined();
    }
  });

  test.each(["lz4", "zstd", "brotli", "lzma", "none"])("takes %s for writing", (name) => {
    expect(parseCodecName(name)).toBe(name);
  });

  test.each([
    ["gzip", "COMPRESSION_METHOD=gzip: gzip can only be read"],
    ["lzo", "COMPRESSION_METHOD=lzo: lzo can only be read"],
    ["xz", "COMPRESSION_METHOD=xz: no such compression method"],
    ["LZ4", "COMPRESSION_METHOD=LZ4: no such compression method"],
    ["", "COMPRESSION_METHOD=: no such compression method"],
  ])("refuses %j for writing and lists the choices", (text, message) => {
    const parse = () => parseCodecName(text);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(message);
    expect(parse).toThrow(
      expect.objectContaining({ hint: "Choose one of lz4, zstd, brotli, lzma, none." }),
    );
  });

  test.each([
    ["fastest", 1],
    ["default", 3],
    ["better", 7],
    ["best", 11],
    ["1", 1],
    ["22", 22],
  ])("takes zstd level %s as %d", (text, level) => {
    expect(parseZstdLevel(text)).toBe(level);
  });

  test.each(["", "0", "23", "-1", "3.5", "3x", "worst"])("refuses zstd level %j", (text) => {
    expect(() => parseZstdLevel(text)).toThrow(ConfigError);
  });

  test("takes the three zstd engines and no other", () => {
    for (const name of ["auto", "builtin", "addon"]) expect(parseZstdEngine(name)).toBe(name);
    expect(() => parseZstdEngine("native")).toThrow(ConfigError);
  });
});
