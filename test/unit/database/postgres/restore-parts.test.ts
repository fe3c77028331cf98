// Proves what is done with each kind of entry, that receipts are compared entry by entry, and that
// the end may be missing only where WAL-G leaves it off, on a real directory.
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planBackupFiles } from "../../../../src/database/postgres/restore-files.ts";
import {
  type PartRules,
  restorePartFiles,
} from "../../../../src/database/postgres/restore-parts.ts";
import { FileSyncer } from "../../../../src/database/postgres/restore-sync.ts";
import { RestoreTree } from "../../../../src/database/postgres/restore-tree.ts";
import type { PartEntry } from "../../../../src/transfer/stored-part.ts";
import { listDirectory } from "../../../support/directory-listing.ts";
import { type MadeEntry, makeTar } from "../../../support/made-backup.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-parts-"));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Call extends Partial<PartRules> {
  readonly said?: readonly PartEntry[];
  readonly bytes?: Uint8Array;
}

async function restore(entries: readonly MadeEntry[], call: Call = {}): Promise<string[]> {
  const { log, lines } = recordingLogger();
  const [files] = await planBackupFiles([{ backup: "F", read: async () => false }]);
  if (files === undefined) throw new Error("no plan");
  const rules: PartRules = {
    tree: new RestoreTree({ dir: root, links: [], owner: undefined, isCompared: false }),
    syncer: await FileSyncer.open(true),
    files,
    place: (path) => path,
    isForeign: true,
    isEndLenient: false,
    log,
    ...call,
  };
  const bytes = call.bytes ?? makeTar(entries).bytes;
  const object = {
    key: "part",
    plainBytes: bytes.byteLength,
    storedBytes: 0,
    storedSha256: "",
    codec: "none",
    cipherKeyId: "",
  } as const;
  const receipt = call.said === undefined ? undefined : { object, entries: call.said };
  await restorePartFiles({ name: "part_001.tar", receipt }, inChunks(bytes), rules);
  await rules.syncer.settle();
  rules.tree.finish(true);
  return lines;
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += 700) {
    yield bytes.subarray(offset, offset + 700);
  }
}

const FILES: readonly MadeEntry[] = [
  { name: "/base", kind: "directory", mode: 0o750 },
  { name: "/base/1", content: "content of a file".repeat(100), mode: 0o640 },
  { name: "/base/empty" },
];

describe("parts of a restore", () => {
  it("bring files and directories with their modes", async () => {
    await restore(FILES);
    const lines = listDirectory(root).map((line) => line.split(" ").slice(1).join(" "));
    expect(lines).toEqual(["0 750 d base", "1700 640 f base/1", "0 600 f base/empty"]);
  });

  it("keep the target of a link of ours, and say that WAL-G's has lost it", async () => {
    const link: MadeEntry = { name: "/link", kind: "symlink", linkName: "/etc/target" };
    await restore([link], { isForeign: false });
    expect(readlinkSync(join(root, "link"))).toBe("/etc/target");
    rmSync(join(root, "link"));
    const lines = await restore([{ ...link, linkName: "link" }]);
    expect(readlinkSync(join(root, "link"))).toBe("/link");
    expect(lines.join()).toContain("does not say where the link /link pointed");
  });

  it("leave out pipes with a warning, and refuse hard links", async () => {
    const lines = await restore([{ name: "/pipe", kind: "fifo" }]);
    expect(lines.join()).toContain("/pipe is a fifo: not restored");
    const hard: MadeEntry = { name: "/hard", kind: "hardlink", linkName: "/etc/passwd" };
    await expect(restore([hard])).rejects.toThrow("/hard is a hard link");
  });

  it("are compared with the receipts, entry by entry", async () => {
    const { entries } = makeTar(FILES);
    await restore(FILES, { said: entries });
    const changed = (change: Partial<PartEntry>) =>
      entries.map((entry) => (entry.path === "/base/1" ? { ...entry, ...change } : entry));
    const refused: readonly [readonly PartEntry[], string][] = [
      [changed({ xxHash3: 1n }), "/base/1 has another content than the receipts say"],
      [changed({ sizeBytes: 5 }), "/base/1 (1700 bytes) is not what the receipts say"],
      [changed({ path: "/base/2" }), "/base/1 (1700 bytes) is not what the receipts say"],
      [changed({ offset: 7 }), "/base/1 (1700 bytes) is not what the receipts say"],
      [entries.slice(0, 2), "/base/empty (0 bytes) is not what the receipts say"],
    ];
    for (const [said, message] of refused) {
      await expect(restore(FILES, { said })).rejects.toThrow(message);
    }
    const fewer = restore(FILES.slice(0, 2), { said: entries });
    await expect(fewer).rejects.toThrow("it has 2 entries, the receipts say 3");
  });

  it("may lack their end only where that is WAL-G's", async () => {
    const { bytes } = makeTar(FILES, { hasEnd: false });
    await expect(restore(FILES, { bytes })).rejects.toThrow(/ends early/);
    await restore(FILES, { bytes, isEndLenient: true });
    expect(readFileSync(join(root, "base/1"), "utf8")).toHaveLength(1700);
  });

  it("write where they are placed, or nowhere", async () => {
    const place = (path: string) => (path === "base/1" ? "base/moved" : undefined);
    await restore(FILES, { place });
    expect(listDirectory(root).map((line) => line.split(" ").at(-1))).toEqual([
      "base",
      "base/moved",
    ]);
  });

  it("do not leave a file open when they fail", async () => {
    const { bytes } = makeTar(FILES);
    const cut = bytes.subarray(0, 2000);
    const before = openFiles();
    await expect(restore(FILES, { bytes: cut })).rejects.toThrow(/ends early/);
    expect(openFiles()).toEqual(before);
  });
});

function openFiles(): number {
  return listOpen().filter((path) => path.startsWith(root)).length;
}

function listOpen(): readonly string[] {
  const result = Bun.spawnSync(["ls", "-l", `/proc/${process.pid}/fd`]);
  return result.stdout
    .toString()
    .split("\n")
    .map((line) => line.split(" -> ")[1] ?? "");
}
