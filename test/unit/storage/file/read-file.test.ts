// Proves that a stored file is read exactly, released always, and that a shortened one throws.
import { readdirSync, readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ObjectNotFoundError, StorageUnavailableError } from "../../../../src/storage/errors.ts";
import { readStoredFile } from "../../../../src/storage/file/read-file.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { makeScratch } from "../../../support/scratch.ts";

const NEVER = new AbortController().signal;
const KEY = toObjectKey("a");

function fileOf(folder: string) {
  return { path: join(folder, "a"), storage: "file://test", key: KEY };
}

function openFiles(path: string): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`) === path;
    } catch {
      return false;
    }
  }).length;
}

describe("readStoredFile", () => {
  test("reads in chunks, and closes at the end, early or unread", async () => {
    using scratch = makeScratch("read");
    const file = fileOf(scratch.path);
    writeFileSync(file.path, new Uint8Array(1_200_000).fill(7));
    const sizes: number[] = [];
    for await (const chunk of readStoredFile(file, { signal: NEVER })) sizes.push(chunk.length);
    expect(sizes).toEqual([262_144, 262_144, 262_144, 262_144, 151_424]);
    for await (const _ of readStoredFile(file, { signal: NEVER })) break;
    await readStoredFile(file, { signal: NEVER })[Symbol.asyncIterator]().return?.();
    expect(openFiles(file.path)).toBe(0);
  });

  test("a file that became shorter throws instead of ending", async () => {
    using scratch = makeScratch("read");
    const file = fileOf(scratch.path);
    writeFileSync(file.path, new Uint8Array(2_000_000));
    const stream = readStoredFile(file, { signal: NEVER })[Symbol.asyncIterator]();
    await stream.next();
    truncateSync(file.path, 600_000);
    const rest = (async () => {
      for (let next = await stream.next(); next.done !== true; next = await stream.next());
    })();
    await expect(rest).rejects.toBeInstanceOf(StorageUnavailableError);
    expect(openFiles(file.path)).toBe(0);
  });

  test("what is absent, or is a directory, is not found", () => {
    using scratch = makeScratch("read");
    const open = () => readStoredFile(fileOf(scratch.path), { signal: NEVER });
    expect(open).toThrow(ObjectNotFoundError);
    const directory = { ...fileOf(scratch.path), path: scratch.path };
    expect(() => readStoredFile(directory, { signal: NEVER })).toThrow(ObjectNotFoundError);
  });
});
