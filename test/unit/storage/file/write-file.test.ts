// Proves the placing of a new file: taken names, links, and file systems as they come.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ObjectExistsError } from "../../../../src/storage/errors.ts";
import { writeStoredFile } from "../../../../src/storage/file/write-file.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { bytesSource } from "../../../../src/stream/byte-stream.ts";
import { makeScratch } from "../../../support/scratch.ts";

const NOW = new Date("2026-11-24T11:12:30.500Z");

function fileOf(base: string) {
  return { path: join(base, "x/a"), base, storage: "file://test", key: toObjectKey("x/a") };
}

function bodyOf(text: string) {
  return bytesSource(text).open(new AbortController().signal);
}

describe("writeStoredFile", () => {
  test("has a hidden temporary name until it is complete", async () => {
    using scratch = makeScratch("write");
    const file = fileOf(scratch.path);
    const names: string[][] = [];
    async function* body() {
      yield new TextEncoder().encode("abc");
      names.push(readdirSync(join(scratch.path, "x")));
    }
    const written = await writeStoredFile(file, body(), { ifAbsent: false, now: NOW });
    expect(names).toEqual([[expect.stringMatching(/^a\.tmp\.20261124T111230Z-[0-9a-f]{16}$/)]]);
    expect(readdirSync(join(scratch.path, "x"))).toEqual(["a"]);
    const { mtimeNs } = statSync(file.path, { bigint: true });
    expect(written).toMatchObject({ sizeBytes: 3, modifiedNs: mtimeNs });
  });

  test("ifAbsent refuses a taken name before the body is read", async () => {
    using scratch = makeScratch("write");
    const file = fileOf(scratch.path);
    await writeStoredFile(file, bodyOf("first"), { ifAbsent: true, now: NOW });
    let isRead = false;
    async function* body() {
      isRead = true;
      yield new Uint8Array(1);
    }
    const again = writeStoredFile(file, body(), { ifAbsent: true, now: NOW });
    await expect(again).rejects.toBeInstanceOf(ObjectExistsError);
    expect(isRead).toBe(false);
    expect(readFileSync(file.path, "utf8")).toBe("first");
  });

  test("ifAbsent refuses a name that was taken while the body was read", async () => {
    using scratch = makeScratch("write");
    const file = fileOf(scratch.path);
    async function* body() {
      yield new Uint8Array(5);
      writeFileSync(file.path, "winner");
    }
    const late = writeStoredFile(file, body(), { ifAbsent: true, now: NOW });
    await expect(late).rejects.toBeInstanceOf(ObjectExistsError);
    expect(readFileSync(file.path, "utf8")).toBe("winner");
    expect(readdirSync(join(scratch.path, "x"))).toEqual(["a"]);
  });

  test("what ifAbsent stored has one name on disk", async () => {
    using scratch = makeScratch("write");
    const file = fileOf(scratch.path);
    await writeStoredFile(file, bodyOf("abc"), { ifAbsent: true, now: NOW });
    expect(statSync(file.path).nlink).toBe(1);
  });
});
