// A repository that the compiled binary writes from a real server is held byte by byte against what
// WAL-G needs to restore, list and mark it: GNU tar, the zstd and lz4 tools and JSON.parse read it
// here, none of our own readers.
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { byTool, tarEntries, unpackByTool } from "../support/raw-part.ts";
import { giveToServers } from "../support/scratch.ts";

const SEGMENT = "[0-9A-F]{24}";
interface FileFacts {
  readonly IsIncremented: boolean;
  readonly IsSkipped: boolean;
  readonly MTime: string;
  readonly UpdatesCount: number;
}

interface FilesMetadata {
  readonly Files: Readonly<Record<string, FileFacts>>;
  readonly TarFileSets: Readonly<Record<string, readonly string[]>>;
}

/** A backup as it lies in the repository. */
interface StoredBackup {
  readonly name: string;
  readonly folder: string;
  /** Part name → the tar, as the codec's own tool gives it. */
  readonly tars: ReadonlyMap<string, Buffer>;
  readonly sentinelText: string;
  readonly filesText: string;
  readonly files: FilesMetadata;
}

function readBackup(site: BackupSite, name: string): StoredBackup {
  const folder = join(site.repoDir, "basebackups_005", name);
  const parts = readdirSync(join(folder, "tar_partitions"));
  const tars = parts.map(
    (part) => [part, unpackByTool(join(folder, "tar_partitions", part))] as const,
  );
  const filesText = readFileSync(join(folder, "files_metadata.json"), "utf8");
  return {
    name,
    folder,
    tars: new Map(tars),
    sentinelText: site.sentinel(name),
    filesText,
    files: JSON.parse(filesText) as FilesMetadata,
  };
}

/** `2026-01-02T03:04:05.000000001+01:00` in nanoseconds since 1970. */
function instantNs(text: string): bigint {
  const [, head = "", fraction = "", zone = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  expect(fraction.endsWith("0"), text).toBe(false);
  return BigInt(Date.parse(head + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, "0") || "0");
}

let site: BackupSite;
let local: StoredBackup;
let lz4: StoredBackup;
let streamed: StoredBackup;
let longName = "";
const mtimes = new Map<string, bigint>();

beforeAll(async () => {
  site = await BackupSite.create({
    version: "15",
    rows: 20_000,
    settings: { autovacuum: false, checkpoint_timeout: "1h" },
  });
  const space = join(site.scratch.path, "space");
  longName = `extra/${"d".repeat(150)}/${"f".repeat(150)}`;
  for (const path of [space, join(site.cluster.dataDir, "extra")]) mkdirSync(path);
  mkdirSync(join(site.cluster.dataDir, longName, ".."), { recursive: true });
  writeFileSync(join(site.cluster.dataDir, longName), "long");
  writeFileSync(join(site.cluster.dataDir, "extra/é&<>.txt"), "not ASCII");
  mkdirSync(join(site.cluster.dataDir, "log"));
  writeFileSync(join(site.cluster.dataDir, "log/postgresql.log"), "left out");
  mkdirSync(join(site.cluster.dataDir, "empty"));
  for (const path of ["extra", "log", "empty"]) giveToServers(join(site.cluster.dataDir, path));
  giveToServers(space);
  await site.cluster.query(`CREATE TABLESPACE extra LOCATION '${space}'`);
  await site.cluster.query("CREATE TABLE far TABLESPACE extra AS SELECT generate_series(1, 9) i");
  await site.cluster.query("CHECKPOINT");
  const settings = {
    WALG_TAR_SIZE_THRESHOLD: "2000000",
    WALG_UPLOAD_DISK_CONCURRENCY: "2",
    WALG_SENTINEL_USER_DATA: '{"n":9007199254740993,"html":"<&>"}',
  };
  // Looking for names of tables is a use of each database, which changes some of its files.
  const unnamed = { WALG_DISABLE_PARTIAL_RESTORE: "true" };
  const pushed = await site.mustPush([], { settings: { ...settings, ...unnamed } });
  local = readBackup(site, pushed.name);
  for (const file of Object.keys(local.files.Files)) {
    const path = join(site.cluster.dataDir, file);
    mtimes.set(file, lstatSync(path, { bigint: true }).mtimeNs);
  }
  lz4 = readBackup(site, (await site.mustPush([], { name: "wal-g", settings: unnamed })).name);
  // BASE_BACKUP refuses names that a header of the old form cannot hold.
  rmSync(join(site.cluster.dataDir, "extra"), { recursive: true });
  streamed = readBackup(site, (await site.mustPush([], { settings, directory: null })).name);
}, 120_000);

afterAll(async () => {
  await site[Symbol.asyncDispose]();
});

describe("1. the name", () => {
  test("is base_ and the segment where the backup starts", () => {
    for (const backup of [local, lz4, streamed]) {
      expect(backup.name).toMatch(new RegExp(`^base_${SEGMENT}$`));
      const lsn = Number(/"LSN":(\d+)/.exec(backup.sentinelText)?.[1]);
      const segment = Math.floor(lsn / (1 << 20));
      expect(Number.parseInt(backup.name.slice(21), 16)).toBe(segment);
      expect(backup.name.slice(5, 13)).toBe("00000001");
    }
  });
});

describe("2. the parts", () => {
  test("are part_NNN, pg_control and backup_label, with the entries that each must have", () => {
    for (const backup of [local, lz4]) {
      const names = [...backup.tars.keys()];
      const extension = backup === lz4 ? "lz4" : "zst";
      const data = names.filter((name) =>
        new RegExp(`^part_\\d{3,}\\.tar\\.${extension}$`).test(name),
      );
      expect(data.length).toBeGreaterThan(0);
      const rest = names.filter((name) => !data.includes(name)).toSorted();
      expect(rest).toEqual([`backup_label.tar.${extension}`, `pg_control.tar.${extension}`]);
      const entriesOf = (name: string) =>
        tarEntries(backup.tars.get(`${name}.tar.${extension}`) ?? Buffer.alloc(0));
      expect(entriesOf("pg_control").map(({ name }) => name)).toEqual(["/global/pg_control"]);
      expect(entriesOf("backup_label").map(({ name }) => name)).toEqual([
        "backup_label",
        "tablespace_map",
      ]);
    }
    const names = [...streamed.tars.keys()].toSorted();
    expect(names.filter((name) => !name.startsWith("part_"))).toEqual(["pg_control.tar.zst"]);
    const control = tarEntries(streamed.tars.get("pg_control.tar.zst") ?? Buffer.alloc(0));
    expect(control.map(({ name }) => name)).toEqual(["global/pg_control"]);
  });

  test("are closed near the threshold, and hold every content byte once", () => {
    const sizes = [...local.tars].filter(([name]) => name.startsWith("part_"));
    expect(sizes.length).toBeGreaterThan(5);
    const total = [...local.tars.values()]
      .flatMap(tarEntries)
      .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(local.sentinelText).toContain(`"UncompressedSize":${total},`);
  });
});

describe("3. entries", () => {
  test("have the names of Files, a leading slash, none at the end, USTAR or PAX", () => {
    const seen = new Set<string>();
    for (const [part, tar] of local.tars) {
      if (!part.startsWith("part_")) continue;
      for (const { name, magic, type } of tarEntries(tar)) {
        expect(name).toMatch(/^\/(?:.*[^/])?$/);
        expect(magic).toBe("ustar\x0000");
        expect(["0", "5", "2"]).toContain(type);
        expect(seen.has(name), name).toBe(false);
        seen.add(name);
      }
    }
    expect([...seen].toSorted()).toEqual(Object.keys(local.files.Files).toSorted());
    expect(seen).toContain(`/${longName}`);
    expect(seen).toContain("/extra/é&<>.txt");
  });

  test("are listed by GNU tar without a word of complaint", () => {
    for (const tar of local.tars.values()) {
      const listed = Bun.spawnSync(["tar", "--list", "--absolute-names", "--file=-"], {
        stdin: tar,
        stdout: "pipe",
        stderr: "pipe",
        env: { LC_ALL: "C.UTF-8", PATH: process.env["PATH"] ?? "" },
      });
      expect(listed.exitCode).toBe(0);
      expect(listed.stderr.toString()).toBe("");
      const names = listed.stdout.toString().split("\n").filter(Boolean);
      expect(names).toHaveLength(tarEntries(tar).length);
    }
  });

  test("hold left-out and empty directories, and nothing of what they held", () => {
    const names = Object.keys(local.files.Files);
    for (const name of ["/", "/pg_wal", "/pg_replslot", "/pg_dynshmem", "/log", "/empty"]) {
      expect(names).toContain(name);
    }
    const leftOut = /^\/(?:log|pg_wal|pg_notify|pg_replslot|pg_stat_tmp|pg_subtrans)\/./;
    expect(names.filter((name) => leftOut.test(name))).toEqual([]);
    for (const name of ["postmaster.pid", "postmaster.opts", "global/pg_control"]) {
      expect(names).not.toContain(`/${name}`);
    }
    expect(names.some((name) => /^\/pg_tblspc\/\d+\/PG_15_\d+\/\d+\/\d+$/.test(name))).toBe(true);
    // Neither the link nor the tablespace's own folder is an entry.
    expect(names.filter((name) => /^\/pg_tblspc\/\d+$/.test(name))).toEqual([]);
  });

  test("streamed ones have the server's names, without a slash", () => {
    for (const name of Object.keys(streamed.files.Files)) expect(name).toMatch(/^[^/.]/);
    expect(Object.keys(streamed.files.Files)).toContain("backup_label");
    expect(Object.keys(streamed.files.Files)).toContain("global/pg_control");
  });
});

test("4. extension and compression agree; lz4 blocks are independent, content is checked", () => {
  for (const part of lz4.tars.keys()) {
    const head = readFileSync(join(lz4.folder, "tar_partitions", part)).subarray(0, 7);
    expect(head.readUInt32LE(0)).toBe(0x184d2204);
    const flags = head[4] ?? 0;
    expect(flags & 0b1110_1100).toBe(0b0110_0100);
  }
  for (const part of local.tars.keys()) {
    const bytes = readFileSync(join(local.folder, "tar_partitions", part));
    expect(bytes.readUInt32LE(0)).toBe(0xfd2fb528);
    const path = join(local.folder, "tar_partitions", part);
    const listed = Bun.spawnSync(["zstd", "--list", "--verbose", path]).stdout.toString();
    const window = /Window Size: ([\d.]+) (B|KiB|MiB)/.exec(listed);
    expect(window, listed).not.toBeNull();
    expect(window?.[2] !== "MiB" || Number(window[1]) <= 512).toBe(true);
    expect(listed).toContain("Check: XXH64");
  }
});

test("5. documents before the sentinel, and the sentinel newest of all", () => {
  for (const backup of [local, lz4, streamed]) {
    const time = (path: string) => statSync(path, { bigint: true }).mtimeNs;
    const at = (name: string) => time(join(backup.folder, name));
    const sentinelAt = time(`${backup.folder}_backup_stop_sentinel.json`);
    const parts = [...backup.tars.keys()].map((name) => at(`tar_partitions/${name}`));
    const control = [...backup.tars.keys()].find((name) => name.startsWith("pg_control")) ?? "";
    const data = [...backup.tars.keys()].filter((name) => name.startsWith("part_"));
    for (const name of data) {
      expect(at(`tar_partitions/${name}`) <= at(`tar_partitions/${control}`)).toBe(true);
    }
    for (const part of parts) expect(part <= at("metadata.json")).toBe(true);
    expect(at("metadata.json") <= at("files_metadata.json")).toBe(true);
    expect(at("files_metadata.json") <= sentinelAt).toBe(true);
    expect(at("receipts.bin") <= sentinelAt).toBe(true);
  }
});

describe("6. the sentinel", () => {
  test("has WAL-G's keys in WAL-G's order, then ours", () => {
    const keysOf = (text: string) => Object.keys(JSON.parse(text) as object);
    const common = ["LSN", "PgVersion", "FinishLSN", "SystemIdentifier", "UncompressedSize"];
    const rest = ["Version", "StartTime", "FinishTime", "DateFmt", "Hostname", "DataDir"];
    const end = ["ChkpNum", ...rest, "IsPermanent"];
    expect(keysOf(local.sentinelText)).toEqual([
      ...common,
      ...["CompressedSize", "DataCatalogSize", "Spec", "UserData"],
      ...[...end, "TidemarkPageGuard", "TidemarkReceipts"],
    ]);
    expect(keysOf(streamed.sentinelText)).toEqual([
      ...[...common, "CompressedSize", "Spec", "UserData"],
      ...[...end, "TidemarkReceipts"],
    ]);
  });

  test("numbers are integers, exact past 2^53, and what the server says", async () => {
    const system = await site.cluster.value("SELECT system_identifier FROM pg_control_system()");
    const version = await site.cluster.value("SHOW server_version_num");
    for (const { sentinelText, name } of [local, lz4, streamed]) {
      expect(sentinelText).toContain(`"SystemIdentifier":${system},`);
      expect(sentinelText).toContain(`"PgVersion":${version},`);
      for (const key of ["LSN", "FinishLSN", "UncompressedSize", "CompressedSize"]) {
        expect(sentinelText).toMatch(new RegExp(`"${key}":[1-9]\\d*[,}]`));
      }
      const metadata = site.document(`basebackups_005/${name}/metadata.json`);
      expect(metadata).toContain(`"system_identifier":${system},`);
      const lsn = /"LSN":(\d+)/.exec(sentinelText)?.[1];
      expect(metadata).toContain(`"start_lsn":${lsn},`);
    }
    expect(local.sentinelText).toContain('"n":9007199254740993');
    expect(local.sentinelText).toContain('"html":"\\u003c\\u0026\\u003e"');
    expect(local.sentinelText).toContain('"ChkpNum":null,"Version":2,');
    expect(local.sentinelText).toContain('"DateFmt":"%Y-%m-%dT%H:%M:%S.%fZ"');
  });

  test("Spec names the tablespace", () => {
    const { Spec } = JSON.parse(local.sentinelText) as { Spec: Record<string, unknown> };
    const [oid = ""] = Spec["tablespaces"] as string[];
    expect(Spec["base_prefix"]).toBe(site.cluster.dataDir);
    expect(Spec[oid]).toEqual({
      loc: join(site.scratch.path, "space"),
      link: `pg_tblspc/${oid}`,
    });
  });
});

test("7. MTime is lstat's, to the nanosecond; nothing is skipped or an increment", () => {
  let compared = 0;
  for (const [name, facts] of Object.entries(local.files.Files)) {
    expect(facts).toMatchObject({ IsIncremented: false, IsSkipped: false, UpdatesCount: 0 });
    // The server goes on with some of its files, and so with their folders.
    if (name.startsWith("/base/") && /\/\d+$/.test(name)) {
      expect(instantNs(facts.MTime), name).toBe(mtimes.get(name));
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(500);
});

test("9. TarFileSets name every part but that of pg_control, and every entry of each", () => {
  for (const backup of [local, lz4]) {
    const expected = [...backup.tars]
      .filter(([name]) => !name.startsWith("pg_control"))
      .map(
        ([name, tar]) =>
          [
            name,
            tarEntries(tar)
              .map((entry) => entry.name)
              .toSorted(),
          ] as const,
      );
    const given = Object.entries(backup.files.TarFileSets).map(
      ([name, entries]) => [name, entries.toSorted()] as const,
    );
    expect(new Map(given)).toEqual(new Map(expected));
    const label = Object.entries(backup.files.TarFileSets).find(([name]) => {
      return name.startsWith("backup_label");
    });
    expect(label?.[1]).toEqual(["tablespace_map", "backup_label"]);
  }
  expect(streamed.filesText).not.toContain("TarFileSets");
});

test("11. nothing else lies in the backup's folder or beside it", () => {
  for (const backup of [local, lz4, streamed]) {
    expect(readdirSync(backup.folder).toSorted()).toEqual([
      "files_metadata.json",
      "metadata.json",
      "receipts.bin",
      "tar_partitions",
    ]);
  }
  const beside = [local, lz4, streamed].flatMap(({ name }) => [
    name,
    `${name}_backup_stop_sentinel.json`,
  ]);
  expect(readdirSync(join(site.repoDir, "basebackups_005")).toSorted()).toEqual(beside.toSorted());
});

test("what each file held is what the tar holds", () => {
  for (const tar of local.tars.values()) {
    const one = tarEntries(tar).find(({ name }) => /^\/base\/\d+\/\d+$/.test(name));
    if (one === undefined) continue;
    const content = byTool(["tar", "-x", "-O", "-P", "-f", "-", one.name], tar);
    expect(content.byteLength).toBe(one.sizeBytes);
    const file = readFileSync(join(site.cluster.dataDir, one.name));
    expect(content.equals(file), one.name).toBe(true);
  }
});
