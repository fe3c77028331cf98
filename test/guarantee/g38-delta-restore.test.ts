// Proves that a delta restore gives the same directory as a restore into an empty one, from any
// state of the cluster's directory: every chain of WAL-G's in the fixtures, and chains with
// receipts in several codecs, over directories that were damaged at random. The seed is in the
// titles.
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { type BackupName, toBackupName } from "../../src/catalog/backup-name.ts";
import type { CodecName } from "../../src/codec/codec.ts";
import type { RestoreOptions } from "../../src/database/adapter.ts";
import { RESTORE_MARKER } from "../../src/database/postgres/restore-target.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { openFileStorage } from "../../src/storage/file/driver.ts";
import type { Repository } from "../../src/transfer/repository.ts";
import { damageDirectory } from "../support/damaged-directory.ts";
import { listDirectory } from "../support/directory-listing.ts";
import { copyFixture, fixtureNames, readFixture } from "../support/fixture.ts";
import { storeRandomChain } from "../support/made-chain.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

const SEED = fuzzSeed();
/** Restored with their keys by the compiled binary, in test/e2e/restore-fixtures.test.ts. */
const ENCRYPTED = ["pg15-libsodium", "pg15-pgp"];
const CASES = fixtureNames()
  .filter((name) => !ENCRYPTED.includes(name))
  .map((name) => ({ fixture: name, backup: readFixture(name).backups.at(-1)?.name ?? "" }));

interface Subject {
  readonly repository: Repository;
  readonly backup: BackupName;
  readonly options?: (folder: string) => Partial<RestoreOptions>;
}

/** Restores into `<folder>/data`; everything below the folder. */
async function restored(subject: Subject, folder: string, isDelta: boolean) {
  const { repository, backup } = subject;
  const options = { isDelta, syncsFiles: false, ...subject.options?.(folder) };
  const lines = await restoreHere({ repository, backup, targetDir: join(folder, "data"), options });
  const files = listDirectory(folder).map((line) => line.replaceAll(folder, ""));
  return { files, lines };
}

async function compare(subject: Subject, scratch: string, seed: number): Promise<void> {
  const clean = await restored(subject, join(scratch, "clean"), false);
  const other = join(scratch, "other");
  await restored(subject, other, false);
  const done = damageDirectory(join(other, "data"), seededRandom(seed), 40);
  const again = await restored(subject, other, true);
  expect(again.files, done.join("\n")).toEqual(clean.files);
}

describe("G38 a delta restore equals a clean one", () => {
  it.each(CASES)(
    `of WAL-G's $fixture: $backup (seed ${SEED})`,
    async ({ fixture: name, backup }) => {
      using scratch = makeScratch("g38");
      const fixture = copyFixture(name, scratch.path);
      const driver = openFileStorage(fixture.repository, { below: "", clock: SYSTEM_CLOCK });
      const subject: Subject = {
        repository: await memoryRepository("zstd", driver),
        backup: toBackupName(backup),
        options: (folder) => restoreSpec(name, fixture.source, folder),
      };
      await compare(subject, scratch.path, SEED);
    },
  );

  it.each(["zstd", "none", "lz4"] as const)(
    `of a chain with receipts, stored with %s (seed ${SEED})`,
    async (codec) => {
      using scratch = makeScratch("g38");
      const repository = await memoryRepository(codec);
      const { backup, files } = await storeRandomChain(repository, seededRandom(SEED), 3);
      await restoreHere({ repository, backup, targetDir: join(scratch.path, "data") });
      for (const [name, content] of files) {
        const found = readFileSync(join(scratch.path, "data", name));
        expect(Buffer.compare(found, content), name).toBe(0);
      }
      for (const round of [1, 2, 3]) {
        const folder = join(scratch.path, `${round}`);
        await compare({ repository, backup }, folder, SEED + round);
      }
    },
  );

  it("of a backup over the directory of a later one, and the other way round", async () => {
    using scratch = makeScratch("g38");
    const repository = await memoryRepository("zstd");
    const random = seededRandom(SEED);
    const { backup } = await storeRandomChain(repository, random, 2);
    const { backup: other } = await storeRandomChain(repository, random, 1, { segment: 0x20 });
    const clean = await restored({ repository, backup }, join(scratch.path, "clean"), false);
    const folder = join(scratch.path, "data");
    await restored({ repository, backup: other }, folder, false);
    expect((await restored({ repository, backup }, folder, true)).files).toEqual(clean.files);
  });
});

describe("G38 what a delta restore fetches", () => {
  it.each(["zstd", "none"] as const)("is little where little differs (%s)", async (codec) => {
    using scratch = makeScratch("g38");
    const { repository, fetched } = await countedRepository(codec);
    const random = seededRandom(SEED);
    const { backup } = await storeRandomChain(repository, random, 0, { bigMiB: 48 });
    const folder = join(scratch.path, "data");
    const clean = await restored({ repository, backup }, folder, false);
    const wholeBytes = fetched();
    const big = join(folder, "data/base/1/77777");
    const content = readFileSync(big);
    content.fill(1, 9_000_000, 9_000_100);
    content.fill(2, 30_000_000, 30_010_000);
    writeFileSync(big, content);
    appendFileSync(join(folder, "data/base/1/112"), "grown");
    const before = fetched();
    const again = await restored({ repository, backup }, folder, true);
    expect(again.files).toEqual(clean.files);
    expect(fetched() - before).toBeLessThan(wholeBytes / 5);
  });

  it("are the frames of the pages that differ, in one request where they are most", async () => {
    using scratch = makeScratch("g38");
    const { repository, requests } = await countedRepository("zstd");
    const { backup } = await storeRandomChain(repository, seededRandom(SEED), 0, { bigMiB: 48 });
    const folder = join(scratch.path, "data");
    const clean = await restored({ repository, backup }, folder, false);
    const big = join(folder, "data/base/1/77777");
    const content = readFileSync(big);
    for (let at = 17; at < content.byteLength; at += 100 * 8192) content.fill(3, at, at + 50);
    writeFileSync(big, content);
    requests.length = 0;
    const again = await restored({ repository, backup }, folder, true);
    expect(again.files).toEqual(clean.files);
    const ofPart = requests.filter(({ key }) => key.includes("/part_"));
    // Of the one part with the file: its table of frames, and the frames.
    expect(ofPart.map(({ isWhole }) => isWhole)).toEqual([false, false]);
  });

  it("is nothing of parts that are the same", async () => {
    using scratch = makeScratch("g38");
    const repository = await memoryRepository("zstd");
    const { backup } = await storeRandomChain(repository, seededRandom(SEED), 0);
    await restored({ repository, backup }, scratch.path, false);
    const { lines } = await restored({ repository, backup }, scratch.path, true);
    expect(lines.join("\n")).toContain("part_001.tar.zst holds nothing that is needed");
  });
});

describe("G38 links of tablespaces", () => {
  const name = "pg15-tablespaces";

  async function subjectIn(scratch: string): Promise<Subject> {
    const fixture = copyFixture(name, scratch);
    const driver = openFileStorage(fixture.repository, { below: "", clock: SYSTEM_CLOCK });
    return {
      repository: await memoryRepository("zstd", driver),
      backup: toBackupName(fixture.backups.at(-1)?.name ?? ""),
      options: (folder) => restoreSpec(name, fixture.source, folder),
    };
  }

  it("that are missing come back, those of later tablespaces go", async () => {
    using scratch = makeScratch("g38");
    const subject = await subjectIn(scratch.path);
    const folder = join(scratch.path, "other");
    const clean = await restored(subject, folder, false);
    const links = join(folder, "data/pg_tblspc");
    rmSync(join(links, "16384"));
    rmSync(join(folder, "TABLESPACE_1"), { recursive: true });
    mkdirSync(join(scratch.path, "elsewhere"));
    writeFileSync(join(scratch.path, "elsewhere/kept"), "of somebody");
    symlinkSync(join(scratch.path, "elsewhere"), join(links, "99999"));
    const { files, lines } = await restored(subject, folder, true);
    expect(files).toEqual(clean.files);
    expect(lines.join("\n")).toContain(`${scratch.path}/elsewhere is left`);
    expect(readFileSync(join(scratch.path, "elsewhere/kept"), "utf8")).toBe("of somebody");
  });

  it("that lead elsewhere do not make a full folder the cluster's", async () => {
    using scratch = makeScratch("g38");
    const subject = await subjectIn(scratch.path);
    const folder = join(scratch.path, "other");
    await restored(subject, folder, false);
    const link = join(folder, "data/pg_tblspc/16384");
    rmSync(link);
    symlinkSync(scratch.path, link);
    await expect(restored(subject, folder, true)).rejects.toMatchObject({
      code: "target-not-empty",
      message: expect.stringContaining("does not lead there"),
    });
    expect(readlinkSync(link)).toBe(scratch.path);
    expect(readFileSync(join(folder, "data/global/pg_control")).byteLength).toBe(8192);
  });

  it("lead to no folder that another restore fills", async () => {
    using scratch = makeScratch("g38");
    const subject = await subjectIn(scratch.path);
    const folder = join(scratch.path, "other");
    await restored(subject, folder, false);
    const marker = join(folder, "TABLESPACE_1", RESTORE_MARKER);
    const mark = JSON.stringify({ host: hostname(), pid: process.ppid });
    writeFileSync(marker, mark);
    await expect(restored(subject, folder, true)).rejects.toMatchObject({ code: "backup-running" });
    expect(readFileSync(marker, "utf8")).toBe(mark);
    expect(readFileSync(join(folder, "data/global/pg_control")).byteLength).toBe(8192);
  });
});

/** A repository that counts the bytes that are read from it, and what is asked for. */
async function countedRepository(codec: CodecName) {
  const repository = await memoryRepository(codec);
  const requests: { readonly key: string; readonly isWhole: boolean }[] = [];
  let bytes = 0;
  const get: StorageDriver["get"] = async (key, options) => {
    requests.push({ key, isWhole: options.range === undefined });
    const stream = await repository.driver.get(key, options);
    return (async function* () {
      for await (const chunk of stream) {
        bytes += chunk.byteLength;
        yield chunk;
      }
    })();
  };
  const driver = new Proxy(repository.driver, {
    get: (target, key) => {
      const value: unknown = key === "get" ? get : Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { repository: { ...repository, driver }, fetched: () => bytes, requests };
}

function restoreSpec(name: string, source: string, folder: string): Partial<RestoreOptions> {
  if (name !== "pg15-tablespaces") return {};
  mkdirSync(folder, { recursive: true });
  const path = join(source, "restore-spec.json");
  const text = readFileSync(path, "utf8")
    .replaceAll("DATA", join(folder, "data"))
    .replaceAll("TABLESPACE_", join(folder, "TABLESPACE_"));
  return { restoreSpec: { path, text } };
}
