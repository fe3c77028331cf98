import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { PackedFile } from "../../src/database/postgres/backup-file.ts";
import type { DirectoryEntry } from "../../src/database/postgres/data-directory.ts";
import { DeltaFiles, type FilePlan, wholeFiles } from "../../src/database/postgres/delta-files.ts";
import type { FileMark } from "../../src/database/postgres/file-mark.ts";
import { ScanBuffers } from "../../src/database/postgres/file-scan.ts";
import type { FileReading } from "../../src/database/postgres/opened-file.ts";
import { ParentFiles } from "../../src/database/postgres/parent-files.ts";
import type { ChangeRecord } from "../../src/delta/changed-pages.ts";
import { toLsn } from "../../src/delta/lsn.ts";
import { writeTar } from "../../src/tar/writer.ts";
import { entryAt } from "./directory-entry.ts";
import { recordingLogger } from "./memory-repository.ts";
import { joinedPages, madePage } from "./pages.ts";

const PAGE = 8192;
const SINCE = toLsn(100n);
export const TABLE = "/base/5/16384";
/** An hour after the files were made: their times are settled. */
export function readingOf(change: Partial<FileReading> = {}): FileReading {
  return {
    checksPages: false,
    isParallel: false,
    clock: {
      now: () => new Date(Date.now() + 3_600_000),
      monotonicMs: () => 0,
      sleep: async () => {},
    },
    log: recordingLogger().log,
    signal: new AbortController().signal,
    ...change,
  };
}

export interface Stored {
  readonly kind: "whole" | "increment";
  readonly content: Buffer;
  readonly mark: FileMark;
  readonly corruptBlocks: readonly number[];
}

/** Through a tar, as in a backup. */
async function stored(file: PackedFile): Promise<Stored> {
  const header = {
    name: "x",
    kind: "file" as const,
    sizeBytes: file.sizeBytes,
    mode: 0o600,
    uid: 0,
    gid: 0,
    userName: "",
    groupName: "",
    modifiedAtSeconds: 0,
    linkName: "",
  };
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar([{ header, content: file }])) chunks.push(chunk.slice());
  const { hash, pageHashes } = file.digest();
  const content = Buffer.concat(chunks).subarray(512, 512 + file.sizeBytes);
  if (file.kind === "increment") expect(pageHashes?.length).toBe(content.readUInt32LE(12));
  expect(hash).not.toBe(0n);
  return { kind: file.kind, content, mark: file.mark, corruptBlocks: file.corruptBlocks };
}

export async function outcome(plan: FilePlan): Promise<Stored | "unchanged" | undefined> {
  if (plan === undefined) return undefined;
  return plan.kind === "unchanged" ? "unchanged" : await stored(plan);
}

/** Block numbers of an increment. */
export function blocksOf(result: Stored | "unchanged" | undefined): readonly number[] {
  if (typeof result !== "object" || result.kind !== "increment") throw new Error("no increment");
  const count = result.content.readUInt32LE(12);
  expect(result.content.byteLength).toBe(16 + count * (4 + PAGE));
  return Array.from({ length: count }, (_, index) => result.content.readUInt32LE(16 + index * 4));
}

/** A folder of files, a backup of them as they are, and what the next one makes of them. */
export class Chain implements Disposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "delta-"));
  readonly files = new ParentFiles();
  readonly #reading: FileReading;

  constructor(reading: FileReading = readingOf()) {
    this.#reading = reading;
  }

  /** Writes a file, in place where it is there; its path. */
  write(name: string, content: Uint8Array | string): string {
    const path = join(this.dir, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  entry(name: string, change: Partial<DirectoryEntry> = {}): DirectoryEntry {
    return entryAt(join(this.dir, name), name, change);
  }

  async full(name: string, change: Partial<DirectoryEntry> = {}): Promise<void> {
    const entry = this.entry(name, change);
    const whole = await wholeFiles(this.#reading).plan(entry, new ScanBuffers());
    if (whole === undefined || whole.kind === "unchanged") throw new Error("not whole");
    this.files.add(name, (await stored(whole)).mark);
  }

  planner(
    options: {
      record?: ChangeRecord;
      startedAtNs?: bigint;
      hasSilentChanges?: boolean;
      reading?: FileReading;
    } = {},
  ) {
    const { record, startedAtNs, hasSilentChanges = false, reading = this.#reading } = options;
    return new DeltaFiles(
      { base: { files: this.files, sinceLsn: SINCE, startedAtNs }, record, hasSilentChanges },
      reading,
    );
  }

  async delta(name: string, change: Partial<DirectoryEntry> = {}) {
    return await outcome(await this.planner().plan(this.entry(name, change), new ScanBuffers()));
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Old pages with new ones at the given blocks. */
export function table(pageCount: number, changed: readonly number[] = []): Uint8Array {
  return joinedPages(
    Array.from({ length: pageCount }, (_, block) =>
      changed.includes(block) ? madePage(100n, 0x77) : madePage(99n, block % 251),
    ),
  );
}
