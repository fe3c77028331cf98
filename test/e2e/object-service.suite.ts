// Proves the whole way through an object service with the compiled binary: backups by directory
// and by stream with their WAL, in parts of more than one request, and back; WAL by itself.
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite, type Environment } from "../support/backup-site.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { otherHistory, WalArchive } from "../support/wal-archive.ts";

export interface ObjectService {
  /** Settings of a repository in a bucket that is there, or in one that is not. */
  repository(path: string): Environment;
  readonly absent: Environment;
  /** Settings of a service that nobody runs. */
  readonly gone: Environment;
  stop(): Promise<void>;
}

export function testObjectService(start: () => Promise<ObjectService>, timeoutMs: number): void {
  const golden = goldenSegment(17, "middle");
  let service: ObjectService;
  let site: BackupSite;

  beforeAll(async () => {
    service = await start();
    const repository = service.repository("backups");
    site = await BackupSite.create({ version: "17", rows: 30_000, repository });
  }, timeoutMs);
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
    await service?.stop();
  });

  test("a directory and a stream, in parts of more than one request, come back", async () => {
    const settings = {
      WALG_COMPRESSION_METHOD: "none",
      WALG_TAR_SIZE_THRESHOLD: "20000000",
      WALG_UPLOAD_DISK_CONCURRENCY: "3",
    };
    for (const directory of [site.cluster.dataDir, null]) {
      const { name } = await site.underLoad(() => site.mustPush([], { settings, directory }));
      await site.archiveAll();
      const listed = await site.run(["backup-list"]);
      expect(listed.stdout).toContain(name);
      await using restored = await site.restore(name);
      expect(await site.digest(restored)).toBe(await site.digest());
    }
  });

  test("the least budget is enough: receipts and parts do not wait for each other", async () => {
    const settings = { TIDEMARK_BUFFER_BUDGET: "16777216", WALG_UPLOAD_DISK_CONCURRENCY: "4" };
    const { name } = await site.mustPush([], { settings, directory: site.cluster.dataDir });
    await site.fetch(name);
  });

  test("a bucket that is not there is told before the server is asked for anything", async () => {
    const result = await site.push([], { settings: service.absent });
    expect(result.exitCode).toBeGreaterThan(0);
    await site.waitUntilIdle();
  });

  test("WAL comes back, is never replaced, and its absence is told from a failure", async () => {
    const to = (settings: Environment) => ({ settings: { WALG_FILE_PREFIX: "", ...settings } });
    const here = to(service.repository("wal"));
    using archive = new WalArchive("wal-object-service");
    archive.identify(golden);
    archive.ready(golden.name, golden.bytes);
    expect(await archive.push(golden.name, here)).toMatchObject({ exitCode: 0 });
    const again = await archive.push(golden.name, here);
    expect(again.stderr).toContain("already archived with equal content");
    using other = new WalArchive("wal-object-service");
    other.identify(golden);
    other.ready(golden.name, otherHistory(golden).bytes);
    expect((await other.push(golden.name, here)).exitCode).toBe(23);
    expect((await archive.fetch(golden.name, here)).exitCode).toBe(0);
    expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
    expect((await archive.fetch("00000002.history", here)).exitCode).toBe(74);
    for (const bad of [service.absent, service.gone]) {
      const failed = await archive.fetch(golden.name, to(bad));
      expect(failed.exitCode).toBeGreaterThan(0);
      expect(failed.exitCode).not.toBe(74);
    }
  });
}
