// A chain of a full backup and two deltas that the compiled binary wrote from a real server is held
// against what WAL-G needs to restore it, and restored here by WAL-G's rules with GNU tar and zstd
// and no code of ours: every page must be the server's.
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { byTool, tarEntries, unpackByTool } from "../support/raw-part.ts";
import { differingPages } from "../support/relation-files.ts";
import { giveToServers } from "../support/scratch.ts";

const PAGE = 8192;
const SETTINGS = {
  WALG_DELTA_MAX_STEPS: "4",
  WALG_TAR_SIZE_THRESHOLD: "3000000",
  WALG_UPLOAD_DISK_CONCURRENCY: "2",
  // Looking for names of tables is a use of each database, which changes some of its files.
  WALG_DISABLE_PARTIAL_RESTORE: "true",
};

interface FileFacts {
  readonly IsIncremented: boolean;
  readonly IsSkipped: boolean;
  readonly MTime: string;
}

interface StoredBackup {
  readonly name: string;
  readonly sentinelText: string;
  readonly files: Readonly<Record<string, FileFacts>>;
  readonly fileSets: Readonly<Record<string, readonly string[]>>;
  readonly tars: ReadonlyMap<string, Buffer>;
  /** Where GNU tar unpacked everything. */
  readonly folder: string;
}

let site: BackupSite;
let chain: readonly StoredBackup[];

function readBackup(name: string): StoredBackup {
  const stored = join(site.repoDir, "basebackups_005", name);
  const parts = readdirSync(join(stored, "tar_partitions"));
  const tars = parts.map(
    (part) => [part, unpackByTool(join(stored, "tar_partitions", part))] as const,
  );
  const folder = join(site.scratch.path, `unpacked-${name}`);
  mkdirSync(folder);
  for (const [, tar] of tars) byTool(["tar", "-x", "-f", "-", "-C", folder], tar);
  const document = JSON.parse(readFileSync(join(stored, "files_metadata.json"), "utf8"));
  return {
    name,
    sentinelText: site.sentinel(name),
    files: document.Files,
    fileSets: document.TarFileSets,
    tars: new Map(tars),
    folder,
  };
}

beforeAll(async () => {
  site = await BackupSite.create({
    version: "15",
    rows: 20_000,
    // No page is written behind the test's back.
    settings: { autovacuum: false, checkpoint_timeout: "1h", bgwriter_lru_maxpages: 0 },
  });
  const { cluster } = site;
  const space = join(site.scratch.path, "space");
  mkdirSync(space);
  giveToServers(space);
  await cluster.query(`CREATE TABLESPACE extra LOCATION '${space}'`);
  await cluster.query(`
    CREATE TABLE far TABLESPACE extra AS SELECT i, repeat('f', 90) FROM generate_series(1, 5000) i;
    CREATE TABLE shorter AS SELECT i, repeat('s', 90) FROM generate_series(1, 5000) i;
    CREATE TABLE gone AS SELECT 1 i;
    CREATE UNLOGGED TABLE free AS SELECT generate_series(1, 5000) i`);
  const push = async () => {
    await cluster.query("CHECKPOINT");
    return (await site.mustPush([], { settings: SETTINGS })).name;
  };
  // The state of a file that was changed a moment ago proves nothing, and it is looked at again.
  await Bun.sleep(2500);
  const names = [await push()];
  await cluster.query("UPDATE far SET repeat = 'g' WHERE i % 900 = 0; DROP TABLE gone");
  await cluster.query("DELETE FROM shorter WHERE i > 2500; UPDATE free SET i = 0");
  await cluster.query("VACUUM shorter");
  names.push(await push());
  await cluster.query("UPDATE far SET repeat = 'h' WHERE i % 1100 = 0; CREATE TABLE made (i int)");
  await cluster.query("INSERT INTO shorter SELECT i, 'again' FROM generate_series(1, 9000) i");
  await cluster.query("INSERT INTO bench_accounts SELECT max(aid) + 1 FROM bench_accounts");
  names.push(await push());
  chain = names.map(readBackup);
}, 120_000);

afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

/** Each delta with its parent. */
function deltas(): readonly (readonly [StoredBackup, StoredBackup])[] {
  return chain.slice(1).map((delta, index) => {
    const parent = chain[index];
    if (parent === undefined) throw new Error("a delta has a parent");
    return [delta, parent] as const;
  });
}

function incrementsOf(backup: StoredBackup): readonly string[] {
  return Object.keys(backup.files).filter((name) => backup.files[name]?.IsIncremented === true);
}

test("1. names end in the start segment of the parent", () => {
  for (const [delta, parent] of deltas()) {
    expect(delta.name).toMatch(/^base_[0-9A-F]{24}_D_[0-9A-F]{24}$/);
    expect(delta.name.slice(32)).toBe(parent.name.slice(5, 29));
  }
});

describe("6. the sentinel", () => {
  test("has all four keys of a delta in WAL-G's order, and ours behind WAL-G's", () => {
    for (const [delta, parent] of deltas()) {
      const keys = Object.keys(JSON.parse(delta.sentinelText) as object);
      expect(keys).toEqual([
        ...["LSN", "DeltaLSN", "DeltaFrom", "DeltaFullName", "DeltaCount", "PgVersion"],
        ...["FinishLSN", "SystemIdentifier", "UncompressedSize", "CompressedSize"],
        ...["DataCatalogSize", "Spec", "ChkpNum", "Version", "StartTime", "FinishTime"],
        ...["DateFmt", "Hostname", "DataDir", "IsPermanent", "TidemarkFinder"],
        ...["TidemarkPageGuard", "TidemarkReceipts"],
      ]);
      const number = (key: string, text: string) => new RegExp(`"${key}":(\\d+),`).exec(text)?.[1];
      expect(number("DeltaLSN", delta.sentinelText)).toBe(number("LSN", parent.sentinelText));
      expect(delta.sentinelText).toContain(`"DeltaFrom":"${parent.name}"`);
      expect(delta.sentinelText).toContain(`"DeltaFullName":"${chain[0]?.name}"`);
      expect(delta.sentinelText).toContain(`"DeltaCount":${chain.indexOf(delta)},`);
    }
    expect(chain[0]?.sentinelText).not.toMatch(/Delta|Finder/);
  });

  test("counts increments at their own size", () => {
    for (const { tars, sentinelText } of chain) {
      const total = [...tars.values()]
        .flatMap(tarEntries)
        .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      expect(sentinelText).toContain(`"UncompressedSize":${total},`);
    }
  });
});

describe("7. files", () => {
  test("that are skipped or incremented are in the parent, and never both", () => {
    for (const [delta, parent] of deltas()) {
      for (const [name, { IsSkipped, IsIncremented }] of Object.entries(delta.files)) {
        expect(IsSkipped && IsIncremented).toBe(false);
        if (IsSkipped || IsIncremented) expect(Object.keys(parent.files)).toContain(name);
      }
      expect(Object.values(delta.files).filter((file) => file.IsSkipped).length).toBeGreaterThan(
        500,
      );
      expect(incrementsOf(delta).length).toBeGreaterThan(1);
    }
  });

  test("have an entry exactly when they are not skipped, and are listed where it is", () => {
    for (const { files, fileSets, tars } of chain) {
      const stored = [...tars]
        .filter(([part]) => part.startsWith("part_"))
        .flatMap(([part, tar]) => {
          const names = tarEntries(tar).map(({ name }) => name);
          expect(fileSets[part]?.toSorted()).toEqual(names.toSorted());
          return names;
        });
      const expected = Object.keys(files).filter((name) => files[name]?.IsSkipped === false);
      expect(stored.toSorted()).toEqual(expected.toSorted());
    }
  });

  test("that are increments are ones that WAL-G makes increments of", () => {
    for (const [delta] of deltas()) {
      for (const name of incrementsOf(delta)) {
        expect(name).toMatch(/^\/(?:base|pg_tblspc)\/.*\/\d+(?:\.\d+)?$/);
        expect(name).not.toMatch(/pg_xact|pg_clog|pg_multixact/);
      }
    }
  });
});

test("8. increments have WAL-G's form, and the pages from the parent's start on", () => {
  for (const [delta, parent] of deltas()) {
    const since = BigInt(/"LSN":(\d+)/.exec(parent.sentinelText)?.[1] ?? "");
    for (const name of incrementsOf(delta)) {
      const bytes = readFileSync(join(delta.folder, name));
      expect(bytes.subarray(0, 4).toString("latin1")).toBe("wi1U");
      const fileBytes = Number(bytes.readBigUInt64LE(4));
      const count = bytes.readUInt32LE(12);
      expect(bytes.byteLength).toBe(16 + count * (4 + PAGE));
      expect(fileBytes % PAGE).toBe(0);
      let last = -1;
      for (let index = 0; index < count; index += 1) {
        const block = bytes.readUInt32LE(16 + index * 4);
        expect(block).toBeGreaterThan(last);
        last = block;
        const page = bytes.subarray(16 + count * 4 + index * PAGE);
        const lsn = (BigInt(page.readUInt32LE(0)) << 32n) | BigInt(page.readUInt32LE(4));
        const isNew = page.readUInt16LE(14) === 0;
        expect(isNew || lsn >= since, `${name} block ${block}`).toBe(true);
      }
      expect(last * PAGE).toBeLessThan(fileBytes);
    }
  }
});

test("WAL-G's rules for a restore give every page of the server", () => {
  const target = join(site.scratch.path, "by-rules");
  mkdirSync(target);
  let wanted = new Set(Object.keys(chain.at(-1)?.files ?? {}));
  const plans = chain.toReversed().map((backup) => {
    const own = wanted;
    wanted = new Set(
      [...own].filter((name) => {
        const facts = backup.files[name];
        return facts?.IsSkipped === true || facts?.IsIncremented === true;
      }),
    );
    return { backup, own };
  });
  for (const { backup, own } of plans.toReversed()) {
    for (const name of own) {
      const facts = backup.files[name];
      expect(facts, `${name} in ${backup.name}`).toBeDefined();
      if (facts?.IsSkipped === true) continue;
      const [from, to] = [join(backup.folder, name), join(target, name)];
      mkdirSync(dirname(to), { recursive: true });
      if (statSync(from).isDirectory()) mkdirSync(to, { recursive: true });
      else if (facts?.IsIncremented === true) applyByRules(readFileSync(from), to);
      else copyFileSync(from, to);
    }
  }
  expect(differingPages(site.cluster.dataDir, target)).toEqual([]);
  for (const name of ["PG_VERSION", "postgresql.conf", "pg_xact/0000", "base/1/PG_VERSION"]) {
    const own = readFileSync(join(site.cluster.dataDir, name));
    expect(readFileSync(join(target, name)).equals(own), name).toBe(true);
  }
});

/** Truncates or extends first, then writes each page. */
function applyByRules(increment: Buffer, path: string): void {
  truncateSync(path, Number(increment.readBigUInt64LE(4)));
  const content = readFileSync(path);
  const count = increment.readUInt32LE(12);
  for (let index = 0; index < count; index += 1) {
    const at = 16 + count * 4 + index * PAGE;
    const position = increment.readUInt32LE(16 + index * 4) * PAGE;
    content.set(increment.subarray(at, at + PAGE), position);
  }
  writeFileSync(path, content);
}
