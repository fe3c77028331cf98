// kill -9 at seeded moments of backup-push as the compiled binary: never is half a backup listed,
// the server leaves backup mode, and the next run succeeds and restores. CRASH_MOMENTS sets how
// often, CRASH_SEED which moments.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { seededRandom } from "../support/random.ts";

const MOMENTS = Number(process.env["CRASH_MOMENTS"] ?? 6);
const SEED = Number(process.env["CRASH_SEED"] ?? 20_261_124);
const SETTINGS = { WALG_TAR_SIZE_THRESHOLD: "2000000", WALG_UPLOAD_DISK_CONCURRENCY: "2" };
/** Hidden from every listing until they are complete. */
const TEMPORARY = /\.tmp\.\d{8}T\d{6}Z-[0-9a-f]{16}$/;

/** What a complete backup must have, by its own documents. */
function expectComplete(site: BackupSite, name: string, isLocal: boolean): void {
  const folder = `basebackups_005/${name}`;
  const keys = site.keys().filter((key) => key.startsWith(`${folder}/`) && !TEMPORARY.test(key));
  for (const document of ["metadata.json", "files_metadata.json", "receipts.bin"]) {
    expect(keys, name).toContain(`${folder}/${document}`);
  }
  const sentinel = JSON.parse(site.sentinel(name)) as {
    readonly TidemarkReceipts: { readonly Size: number; readonly SHA256: string };
  };
  const receipts = readFileSync(join(site.repoDir, folder, "receipts.bin"));
  expect(receipts.byteLength).toBe(sentinel.TidemarkReceipts.Size);
  const sha256 = new Bun.CryptoHasher("sha256").update(receipts).digest("hex");
  expect(sha256).toBe(sentinel.TidemarkReceipts.SHA256);
  if (!isLocal) return;
  const { TarFileSets } = JSON.parse(site.document(`${folder}/files_metadata.json`)) as {
    readonly TarFileSets: Readonly<Record<string, unknown>>;
  };
  const parts = keys.filter((key) => key.includes("/tar_partitions/part_"));
  const listed = Object.keys(TarFileSets).filter((part) => part.startsWith("part_"));
  expect(parts).toEqual(listed.map((part) => `${folder}/tar_partitions/${part}`).toSorted());
}

test.each([
  ["a directory", false],
  ["a stream", true],
])(
  `backup-push of %s survives ${MOMENTS} kills (seed ${SEED})`,
  async (_way, isStreamed) => {
    await using site = await BackupSite.create({ version: "17", rows: 20_000 });
    const random = seededRandom(SEED);
    const options = isStreamed ? { settings: SETTINGS, directory: null } : { settings: SETTINGS };
    const startMs = performance.now();
    const first = await site.mustPush([], options);
    const spanMs = (performance.now() - startMs) * 1.1;
    let killed = 0;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const delayMs = (random.below(10_000) / 10_000) * spanMs;
      await site.cluster.changeBench(50);
      const push = site.startPush([], options);
      await Bun.sleep(delayMs);
      push.kill("SIGKILL");
      const exitCode = await push.exited;
      if (exitCode === 137) killed += 1;
      else expect(exitCode).toBe(0);
      for (const name of site.listed()) expectComplete(site, name, !isStreamed);
      const what = `killed after ${delayMs} ms`;
      await site.cluster.waitUntil(`backup mode is left: ${what}`, async () => {
        return (await site.backupSessions()) === 0;
      });
      const again = await site.mustPush([], options);
      expectComplete(site, again.name, !isStreamed);
      const { stdout } = await site.run(["backup-list", "--json"]);
      const listed = JSON.parse(stdout) as { readonly backup_name: string }[];
      expect(listed.at(-1)?.backup_name, what).toBe(again.name);
    }
    expect(killed).toBeGreaterThan(MOMENTS / 3);
    await site.archiveAll();
    await using restored = await site.restore("LATEST");
    expect(await site.digest(restored)).toBe(await site.digest());
    const target = await site.fetch(first.name);
    expect(existsSync(join(target, "global/pg_control"))).toBe(true);
  },
  1_800_000,
);
