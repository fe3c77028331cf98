// A page that is corrupt on disk is told with file and block, in the log and in files metadata,
// and the backup goes on; pages that are being written are no false alarm. Run with the compiled
// binary on a real server.
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";

const PAGE_BYTES = 8192;

/** Changes one byte of a block behind the server's back. */
function spoil(path: string, block: number): void {
  const descriptor = openSync(path, "r+");
  const byte = new Uint8Array(1);
  const position = block * PAGE_BYTES + 5000;
  readSync(descriptor, byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  writeSync(descriptor, byte, 0, 1, position);
  closeSync(descriptor);
}

interface FileFacts {
  readonly CorruptBlocks?: {
    readonly CorruptBlocksCount: number;
    readonly SomeCorruptBlocks: readonly number[];
  };
}

test("G27 corrupt pages are named by file and block, and the backup succeeds", async () => {
  await using site = await BackupSite.create({
    version: "17",
    rows: 20_000,
    settings: { autovacuum: false, checkpoint_timeout: "1h" },
  });
  const file = await site.cluster.value("SELECT pg_relation_filepath('bench_accounts')");
  const path = join(site.cluster.dataDir, file);
  for (const block of [3, 7]) spoil(path, block);
  const { name, log } = await site.mustPush();
  expect(log).toMatch(new RegExp(`WARNING: .*page checksum is wrong in ${file}, block 3, 7`));
  const read = (backup: string) =>
    JSON.parse(site.document(`basebackups_005/${backup}/files_metadata.json`)) as {
      readonly Files: Readonly<Record<string, FileFacts>>;
    };
  expect(read(name).Files[`/${file}`]?.CorruptBlocks).toEqual({
    CorruptBlocksCount: 2,
    SomeCorruptBlocks: [3, 7],
  });
  const corrupt = Object.values(read(name).Files).filter((facts) => "CorruptBlocks" in facts);
  expect(corrupt).toHaveLength(1);

  // Many are counted, and all are recorded only for who asks.
  const blocks = Array.from({ length: 30 }, (_, index) => 10 + index);
  for (const block of blocks) spoil(path, block);
  const some = await site.mustPush();
  expect(read(some.name).Files[`/${file}`]?.CorruptBlocks).toEqual({
    CorruptBlocksCount: 32,
    SomeCorruptBlocks: [3, 7, ...blocks.slice(0, 8)],
  });
  const all = await site.mustPush(["--store-all-corrupt"]);
  const recorded = read(all.name).Files[`/${file}`]?.CorruptBlocks?.SomeCorruptBlocks;
  expect(recorded).toEqual([3, 7, ...blocks]);
  const unchecked = await site.mustPush([], {
    settings: { WALG_VERIFY_PAGE_CHECKSUMS: "false" },
  });
  expect(unchecked.log).not.toContain("page checksum");
});

test("G27 pages that are written while they are read are no false alarm", async () => {
  await using site = await BackupSite.create({
    version: "17",
    rows: 30_000,
    // Pages go out all the time.
    settings: { shared_buffers: "2MB", bgwriter_delay: "10ms", bgwriter_lru_maxpages: 1000 },
  });
  for (let round = 0; round < 3; round += 1) {
    const { log, name } = await site.underLoad(() => site.mustPush());
    expect(log).not.toContain("page checksum");
    expect(site.document(`basebackups_005/${name}/files_metadata.json`)).not.toContain("Corrupt");
  }
});

test("G27 a delta stores corrupt pages and names them, though their LSNs are old", async () => {
  await using site = await BackupSite.create({
    version: "17",
    rows: 20_000,
    settings: { autovacuum: false, checkpoint_timeout: "1h" },
  });
  const settings = { WALG_DELTA_MAX_STEPS: "3", WALG_DISABLE_PARTIAL_RESTORE: "true" };
  await site.cluster.query("CHECKPOINT");
  const full = await site.mustPush([], { settings });
  expect(full.log).not.toContain("page checksum");
  const file = await site.cluster.value("SELECT pg_relation_filepath('bench_accounts')");
  for (const block of [3, 7]) spoil(join(site.cluster.dataDir, file), block);
  const { name, log } = await site.mustPush([], { settings });
  expect(name).toContain("_D_");
  expect(log).toMatch(new RegExp(`WARNING: .*page checksum is wrong in ${file}, block 3, 7`));
  const document = site.document(`basebackups_005/${name}/files_metadata.json`);
  const files = (JSON.parse(document) as { readonly Files: Readonly<Record<string, object>> })
    .Files;
  expect(files[`/${file}`]).toMatchObject({
    IsIncremented: true,
    CorruptBlocks: { CorruptBlocksCount: 2, SomeCorruptBlocks: [3, 7] },
  });
  // A chain hides nothing: what is restored is as corrupt as what was there.
  const restored = readFileSync(join(await site.fetch(name), file));
  expect(restored.equals(readFileSync(join(site.cluster.dataDir, file)))).toBe(true);
});
