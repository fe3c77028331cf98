// Proves that files are closed, that few are open at once, and that a failed fsync is not lost,
// with real descriptors.
import { fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileSyncer } from "../../../../src/database/postgres/restore-sync.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-sync-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const open = (index: number) => openSync(join(root, `file-${index}`), "w");

describe("file syncer", () => {
  it("syncs and closes everything by the time it is settled", async () => {
    const syncer = await FileSyncer.open(true);
    const descriptors: number[] = [];
    for (let index = 0; index < 200; index++) {
      if (syncer.isFull) await syncer.room();
      expect(syncer.isFull).toBe(false);
      const descriptor = open(index);
      descriptors.push(descriptor);
      syncer.add(descriptor, `file-${index}`);
    }
    await syncer.settle();
    for (const descriptor of new Set(descriptors)) expect(() => fstatSync(descriptor)).toThrow();
  });

  it("closes at once when nothing is to be synced", async () => {
    const syncer = await FileSyncer.open(false);
    const descriptor = open(0);
    syncer.add(descriptor, "file-0");
    expect(() => fstatSync(descriptor)).toThrow();
  });

  it("closes files that are not complete, and syncs them in the end", async () => {
    const syncer = await FileSyncer.open(true);
    const [first, second] = [open(0), open(1)];
    syncer.postpone(first, join(root, "file-0"));
    syncer.postpone(second, join(root, "file-1"));
    expect(() => fstatSync(first)).toThrow();
    // The rest of it came.
    syncer.add(openSync(join(root, "file-1"), "r"), join(root, "file-1"));
    rmSync(join(root, "file-1"));
    await syncer.settle();
    syncer.postpone(open(2), join(root, "file-2"));
    rmSync(join(root, "file-2"));
    await expect(syncer.settle()).rejects.toThrow(/file-2: cannot be synced/);
  });

  it("gives the first failure to whoever waits", async () => {
    const syncer = await FileSyncer.open(true);
    // The kernel refuses to sync a device that stores nothing.
    syncer.add(openSync("/dev/null", "r"), "the device");
    await expect(syncer.settle()).rejects.toThrow(/the device: fsync failed/);
    await expect(syncer.room()).rejects.toThrow(/the device: fsync failed/);
  });
});
