// The server's tars are cut into parts: what goes in comes out, byte for byte as GNU tar's own
// format has it, in parts of about the threshold, pg_control apart, in whatever pieces it arrives.
import { describe, expect, test } from "vitest";
import { ArchiveSplitter } from "../../../../src/database/postgres/archive-splitter.ts";
import { ContentHasher, PAGE_LEAF_BYTES } from "../../../../src/stream/content-hash.ts";
import { encodeTarHeader, TAR_END_BYTES, tarPaddingBytes } from "../../../../src/tar/header.ts";
import { rawTarHeader, tarEntries } from "../../../support/raw-part.ts";
import { incompressible, pageLike } from "../../../support/sample-bytes.ts";

type Content = readonly [name: string, content: Uint8Array];

function archive(files: readonly Content[], directories: readonly string[] = []): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const name of directories) {
    blocks.push(encodeTarHeader({ ...rawTarHeader(name, 0), kind: "directory" }));
  }
  for (const [name, content] of files) {
    blocks.push(encodeTarHeader(rawTarHeader(name, content.byteLength)), content);
    blocks.push(new Uint8Array(tarPaddingBytes(content.byteLength)));
  }
  return Buffer.concat([...blocks, new Uint8Array(TAR_END_BYTES)]);
}

/** Splits tars that arrive in pieces; parts as they come out. */
function split(
  tars: readonly (readonly [prefix: string, tar: Uint8Array])[],
  options: { readonly thresholdBytes: number; readonly pieceBytes: number },
) {
  const recorded: string[] = [];
  const splitter = new ArchiveSplitter(options.thresholdBytes, ({ name }) => recorded.push(name));
  for (const [prefix, tar] of tars) {
    splitter.beginArchive(prefix, "a tar of the test");
    for (let at = 0; at < tar.byteLength; at += options.pieceBytes) {
      splitter.push(tar.slice(at, at + options.pieceBytes));
    }
    splitter.endArchive();
  }
  const parts = splitter.parts.map((part) => ({
    tar: Buffer.concat(part.chunks),
    entries: part.entries,
    isComplete: part.isComplete,
  }));
  return { splitter, recorded, parts };
}

const table = pageLike(3 * PAGE_LEAF_BYTES, 1);
const config = new TextEncoder().encode("port = 5432\n");
const control = incompressible(PAGE_LEAF_BYTES, 2);

describe("parts", () => {
  test.each([1, 100, 512, 8191, 1 << 20])(
    "hold every file when pieces have %i bytes",
    (pieceBytes) => {
      const data = archive(
        [
          ["base/5/16384", table],
          ["./postgresql.conf", config],
          ["empty", new Uint8Array(0)],
          ["global/pg_control", control],
        ],
        ["base", "base/5"],
      );
      const { parts, splitter, recorded } = split([["", data]], {
        thresholdBytes: 1e9,
        pieceBytes,
      });
      expect(parts).toHaveLength(1);
      const [part] = parts;
      expect(part?.isComplete).toBe(true);
      const entries = tarEntries(part?.tar ?? Buffer.alloc(0));
      const names = ["base", "base/5", "base/5/16384", "postgresql.conf", "empty"];
      expect(entries.map(({ name }) => name)).toEqual(names);
      expect(part?.entries.map(({ path }) => path)).toEqual(names);
      const stored = part?.entries.find(({ path }) => path === "base/5/16384");
      const { offset = 0 } = stored ?? {};
      expect(part?.tar.subarray(offset, offset + table.byteLength).equals(table)).toBe(true);
      const hasher = new ContentHasher(PAGE_LEAF_BYTES);
      hasher.update(table);
      const { hash, leaves } = hasher.digest();
      expect(stored).toMatchObject({ kind: "whole", xxHash3: hash, sizeBytes: table.byteLength });
      expect(stored?.pageHashes).toEqual(leaves);
      expect(Buffer.from(splitter.control?.content ?? []).equals(control)).toBe(true);
      expect(recorded).toEqual(["base/5/16384", "postgresql.conf", "empty", "global/pg_control"]);
      expect(splitter.plainBytes).toBe(table.byteLength + config.byteLength);
    },
  );

  test("end before the file that would take them past the threshold", () => {
    const files = ["a", "b", "c", "d"].map((name): Content => [name, table]);
    const thresholdBytes = 2 * table.byteLength;
    const { parts } = split([["", archive(files)]], { thresholdBytes, pieceBytes: 4096 });
    expect(parts.map(({ entries }) => entries.map(({ path }) => path))).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    for (const { tar } of parts) expect(tarEntries(tar)).toHaveLength(2);
  });

  test("a file above the threshold has a part of its own", () => {
    const files: Content[] = [
      ["small", config],
      ["large", table],
      ["other", config],
    ];
    const { parts } = split([["", archive(files)]], { thresholdBytes: 100, pieceBytes: 4096 });
    expect(parts.map(({ entries }) => entries.map(({ path }) => path))).toEqual([
      ["small"],
      ["large"],
      ["other"],
    ]);
  });

  test("end after 20,000 entries, though they have no content", () => {
    const directories = Array.from({ length: 20_001 }, (_, index) => `d${index}`);
    const { parts } = split([["", archive([], directories)]], {
      thresholdBytes: 1e9,
      pieceBytes: 1 << 20,
    });
    expect(parts.map(({ entries }) => entries.length)).toEqual([20_000, 1]);
  });

  test("never go over into the next tar, whose names get its prefix", () => {
    const space = archive([["PG_17_202406281/5/16400", table]]);
    const data = archive([["PG_VERSION", config]]);
    const tars = [["pg_tblspc/16385/", space] as const, ["", data] as const];
    const { parts } = split(tars, { thresholdBytes: 1e9, pieceBytes: 1000 });
    expect(parts.map(({ entries }) => entries.map(({ path }) => path))).toEqual([
      ["pg_tblspc/16385/PG_17_202406281/5/16400"],
      ["PG_VERSION"],
    ]);
    expect(parts[0]?.entries[0]?.pageHashes).toHaveLength(3);
  });

  test("signal files of a standby stay out: what is restored is no standby", () => {
    const files: Content[] = [
      ["standby.signal", new Uint8Array(0)],
      ["recovery.signal", config],
      ["kept/standby.signal", config],
      ["PG_VERSION", config],
    ];
    const { parts, recorded } = split([["", archive(files)]], {
      thresholdBytes: 1e9,
      pieceBytes: 700,
    });
    expect(tarEntries(parts[0]?.tar ?? Buffer.alloc(0)).map(({ name }) => name)).toEqual([
      "kept/standby.signal",
      "PG_VERSION",
    ]);
    expect(recorded).toEqual(["kept/standby.signal", "PG_VERSION"]);
  });
});

test("a tar that is cut short anywhere but in its end is an error", () => {
  const tar = archive([["PG_VERSION", config]]);
  for (let end = 1; end < tar.byteLength - TAR_END_BYTES - 512; end += 64) {
    const splitter = new ArchiveSplitter(1e9, () => {});
    splitter.beginArchive("", "a tar of the test");
    const feed = () => {
      splitter.push(tar.slice(0, end));
      splitter.endArchive();
    };
    expect(feed, `${end} bytes`).toThrow();
  }
});
