// Proves what the common suite cannot see of a directory: names on disk, leftovers, permissions.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { openFileStorage } from "../../../../src/storage/file/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { makeScratch } from "../../../support/scratch.ts";

const NEVER = new AbortController().signal;
const PUT = { ifAbsent: false, signal: NEVER };

function open(path: string, below = "") {
  return openFileStorage(path, { below, clock: SYSTEM_CLOCK });
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
}

describe("a file storage", () => {
  test("keeps each object as the file of its name, readable by the group only", async () => {
    using scratch = makeScratch("file");
    const driver = open(scratch.path, "x/y");
    await driver.put(toObjectKey("a/b.zst"), bytesSource("abc"), PUT);
    expect(filesBelow(scratch.path)).toEqual(["x", "x/y", "x/y/a", "x/y/a/b.zst"]);
    expect(statSync(join(scratch.path, "x/y/a/b.zst")).mode & 0o007).toBe(0);
    expect(statSync(join(scratch.path, "x/y/a")).mode & 0o007).toBe(0);
  });

  test("tells the same time, to the nanosecond, of what it put, finds and lists", async () => {
    using scratch = makeScratch("file");
    const driver = open(scratch.path);
    const key = toObjectKey("a/b");
    const put = await driver.put(key, bytesSource("abc"), PUT);
    const path = join(scratch.path, "a/b");
    expect(put.modifiedNs).toBe(statSync(path, { bigint: true }).mtimeNs);
    expect(put.sizeBytes).toBe(3);
    expect(await driver.stat(key, NEVER)).toEqual(put);
    expect((await driver.listFolder("a", NEVER)).objects).toEqual([put]);
    expect(await Array.fromAsync(driver.list("a/", { signal: NEVER }))).toEqual([put]);
  });

  test("leaves no file behind when a body fails", async () => {
    using scratch = makeScratch("file");
    const body = {
      sizeBytes: undefined,
      replayable: false,
      async *open() {
        yield new Uint8Array(10);
        throw new Error("broken");
      },
    };
    for (const ifAbsent of [false, true]) {
      const put = open(scratch.path).put(toObjectKey("a/b"), body, { ifAbsent, signal: NEVER });
      await expect(put).rejects.toThrow("broken");
    }
    expect(filesBelow(scratch.path)).toEqual(["a"]);
  });

  test("does not list unfinished writes, WAL-G's or our own, but lists look-alikes", async () => {
    using scratch = makeScratch("file");
    const unfinished = "a.tmp.20261124T111230Z-0123456789abcdef";
    const alike = ["a.tmp", "a.tmp.20261124T111230Z-0123456789ABCDEF", "b.tmp.x-0123456789abcdef"];
    for (const name of [unfinished, ...alike]) writeFileSync(join(scratch.path, name), "x");
    const keys = await Array.fromAsync(open(scratch.path).list("", { signal: NEVER }));
    expect(keys.map(({ key }) => key)).toEqual(alike);
    const { objects } = await open(scratch.path).listFolder("", NEVER);
    expect(objects.map(({ key }) => key).sort()).toEqual([...alike].sort());
  });

  test("removes directories that a delete emptied, never the root or what others use", async () => {
    using scratch = makeScratch("file");
    const driver = open(scratch.path);
    const keys = ["a/b/c/1", "a/b/c/2", "a/d/1"].map(toObjectKey);
    for (const key of keys) await driver.put(key, bytesSource("x"), PUT);
    await driver.delete(keys.slice(0, 2), NEVER);
    expect(filesBelow(scratch.path)).toEqual(["a", "a/d", "a/d/1"]);
    await driver.delete(keys, NEVER);
    expect(filesBelow(scratch.path)).toEqual([]);
    expect(existsSync(scratch.path)).toBe(true);
  });

  test("follows links to directories and files, and ignores broken ones", async () => {
    using scratch = makeScratch("file");
    mkdirSync(join(scratch.path, "real"));
    writeFileSync(join(scratch.path, "real/1"), "x");
    symlinkSync("real", join(scratch.path, "linked"));
    symlinkSync("nowhere", join(scratch.path, "broken"));
    const keys = await Array.fromAsync(open(scratch.path).list("", { signal: NEVER }));
    expect(keys.map(({ key }) => key)).toEqual(["linked/1", "real/1"]);
  });

  test("an open stream keeps the old bytes while the object is replaced", async () => {
    using scratch = makeScratch("file");
    const driver = open(scratch.path);
    const key = toObjectKey("a");
    await driver.put(key, bytesSource("old"), PUT);
    const stream = await driver.get(key, { signal: NEVER });
    await driver.put(key, bytesSource("newer"), PUT);
    const [chunk] = await Array.fromAsync(stream);
    expect(new TextDecoder().decode(chunk)).toBe("old");
  });

  test("names that lead out of the root cannot be made into keys", () => {
    for (const name of ["../x", "a/../../x", "/etc/passwd", "a//b", "./a"]) {
      expect(() => toObjectKey(name)).toThrow("object key");
    }
  });

  test("a directory may come and go under parallel puts and deletes", async () => {
    using scratch = makeScratch("file");
    const driver = open(scratch.path);
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const key = toObjectKey(`deep/er/${index}`);
        await driver.put(key, bytesSource("x"), PUT);
        await driver.delete([key], NEVER);
      }),
    );
    expect(filesBelow(scratch.path)).toEqual([]);
  });

  test("a root that went away is an error, and is not made again", async () => {
    using scratch = makeScratch("file");
    const path = join(scratch.path, "mounted");
    mkdirSync(path);
    const driver = open(path);
    rmSync(path, { recursive: true });
    const put = driver.put(toObjectKey("a/b"), bytesSource("x"), PUT);
    await expect(put).rejects.toThrow("ENOENT");
    const key = toObjectKey("a");
    for (const call of [
      () => driver.get(key, { signal: NEVER }),
      () => driver.stat(key, NEVER),
      () => driver.listFolder("", NEVER),
      () => Array.fromAsync(driver.list("", { signal: NEVER })),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "storage" });
    }
    expect(existsSync(path)).toBe(false);
  });
});
