// Proves that the tar reader gives every entry with its content whatever the chunks are, reads what
// GNU tar writes in three formats, and throws at every cut and at data after the end.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../src/stream/byte-stream.ts";
import { encodeTarHeader, type TarHeader, tarPaddingBytes } from "../../../src/tar/header.ts";
import { TarReader, type TarReadOptions } from "../../../src/tar/reader.ts";

interface Seen {
  readonly header: TarHeader;
  readonly offset: number;
  readonly content: Uint8Array;
}

function readAll(
  bytes: Uint8Array,
  options: Partial<TarReadOptions> & { readonly chunkBytes?: number } = {},
): readonly Seen[] {
  const seen: Seen[] = [];
  let open: { header: TarHeader; offset: number; chunks: Uint8Array[] } | undefined;
  const reader = new TarReader(
    {
      begin: (header, offset) => {
        expect(open).toBeUndefined();
        open = { header, offset, chunks: [] };
      },
      content: (chunk) => open?.chunks.push(chunk.slice()),
      end: () => {
        if (open === undefined) throw new Error("an end without a beginning");
        seen.push({ header: open.header, offset: open.offset, content: concatBytes(open.chunks) });
        open = undefined;
      },
    },
    { what: "part_001.tar", ...options },
  );
  const chunkBytes = options.chunkBytes ?? bytes.byteLength;
  for (let offset = 0; offset < bytes.byteLength; offset += chunkBytes) {
    reader.push(bytes.subarray(offset, offset + chunkBytes));
  }
  reader.finish();
  return seen;
}

function entry(name: string, content: string, kind: TarHeader["kind"] = "file"): Uint8Array {
  const bytes = new TextEncoder().encode(content);
  const header = encodeTarHeader({
    name,
    kind,
    sizeBytes: bytes.byteLength,
    mode: 0o600,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAtSeconds: 0,
    linkName: "",
  });
  return concatBytes([header, bytes, new Uint8Array(tarPaddingBytes(bytes.byteLength))]);
}

const LONG = `/${"directory/".repeat(30)}file`;
const CLOSING = new Uint8Array(1024);
const ENTRIES = [
  entry("/", "", "directory"),
  entry("/PG_VERSION", "15\n"),
  entry("/empty", ""),
  entry(LONG, "content of a long name"),
  entry("/base/1/112", "x".repeat(1024)),
];
const WHOLE = concatBytes([...ENTRIES, CLOSING]);
const NAMES = ["/", "/PG_VERSION", "/empty", LONG, "/base/1/112"];

describe("tar reader", () => {
  it.each([1, 7, 511, 512, 513, 4096, WHOLE.byteLength])(
    "reads chunks of %i bytes",
    (chunkBytes) => {
      const seen = readAll(WHOLE, { chunkBytes });
      expect(seen.map(({ header }) => header.name)).toEqual(NAMES);
      for (const { header, offset, content } of seen) {
        expect(content.byteLength).toBe(header.sizeBytes);
        expect(WHOLE.subarray(offset, offset + content.byteLength)).toEqual(content);
      }
    },
  );

  it("refuses every cut", () => {
    for (let size = 0; size < WHOLE.byteLength; size++) {
      expect(() => readAll(WHOLE.subarray(0, size))).toThrow(/ends early/);
    }
  });

  it("accepts a missing trailer and padding only where that is asked for", () => {
    const content = concatBytes([entry("a", "1"), entry("b", "12345")]);
    const contentEnd = content.byteLength - tarPaddingBytes(5);
    for (let size = contentEnd; size <= content.byteLength; size++) {
      const seen = readAll(content.subarray(0, size), { isEndLenient: true });
      expect(seen.map((one) => new TextDecoder().decode(one.content))).toEqual(["1", "12345"]);
      expect(() => readAll(content.subarray(0, size))).toThrow(/ends early/);
    }
    for (let size = 513 + 1; size < contentEnd; size++) {
      const read = () => readAll(content.subarray(0, size), { isEndLenient: true });
      // Inside the padding of the first file the tar could end: that is what lenient means.
      if (size <= 1024) expect(read()).toHaveLength(1);
      else expect(read).toThrow(/ends early/);
    }
    expect(readAll(WHOLE.subarray(0, WHOLE.byteLength - 500), { isEndLenient: true })).toHaveLength(
      5,
    );
  });

  it("is not lenient about an extended header without its entry", () => {
    const long = entry(LONG, "");
    for (let size = 1; size < long.byteLength; size++) {
      expect(() => readAll(long.subarray(0, size), { isEndLenient: true })).toThrow(/ends early/);
    }
  });

  it("allows zeros after the end and nothing else", () => {
    expect(readAll(concatBytes([WHOLE, new Uint8Array(9000)]))).toHaveLength(5);
    const tail = new Uint8Array(9000);
    tail[8999] = 1;
    expect(() => readAll(concatBytes([WHOLE, tail]), { chunkBytes: 512 })).toThrow(/after the end/);
  });

  it("refuses an entry after a block of zeros", () => {
    const bytes = concatBytes([entry("a", "1"), new Uint8Array(512), entry("b", "2"), CLOSING]);
    expect(() => readAll(bytes)).toThrow(/after a block of zeros/);
  });

  it("lets an error of the visitor through", () => {
    const reader = new TarReader(
      {
        begin: () => {
          throw new Error("no room");
        },
        content: () => {},
        end: () => {},
      },
      { what: "t" },
    );
    expect(() => reader.push(WHOLE)).toThrow("no room");
  });

  it.each(["ustar", "posix", "gnu", "v7"])("reads what GNU tar writes as %s", (format) => {
    const dir = mkdtempSync(join(tmpdir(), "tidemark-tar-"));
    try {
      const deep = format === "v7" ? "d" : `d/${"long-name-".repeat(9)}/${"x".repeat(90)}`;
      mkdirSync(join(dir, deep), { recursive: true });
      writeFileSync(join(dir, deep, "file"), "12345678".repeat(100));
      writeFileSync(join(dir, deep, "é"), "é");
      symlinkSync("file", join(dir, deep, "link"));
      const command = ["tar", "-C", dir, `--format=${format}`, "--sort=name", "-cf", "-", "d"];
      const made = Bun.spawnSync(command, { env: { LC_ALL: "C", PATH: "/usr/bin:/bin" } });
      expect(made.stderr.toString()).toBe("");
      const seen = readAll(new Uint8Array(made.stdout), { chunkBytes: 1000 });
      const found = new Map(seen.map((one) => [one.header.name.replace(/\/$/, ""), one]));
      expect(found.get(deep)?.header.kind).toBe("directory");
      expect(found.get(`${deep}/file`)?.content).toHaveLength(800);
      expect(found.get(`${deep}/é`)?.content).toHaveLength(2);
      expect(found.get(`${deep}/link`)?.header).toMatchObject({
        kind: "symlink",
        linkName: "file",
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
