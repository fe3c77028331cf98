// Proves with the compiled binary and a real SSH server that memory keeps its bounds, that nothing
// temporary is left, and that an unknown server is not trusted.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BackupSite } from "../support/backup-site.ts";
import { peakBytesOf } from "../support/process-tree.ts";
import { type BinaryOptions, startBinary } from "../support/run-binary.ts";
import { type SftpServer, sftpSettings, startSftpServer } from "../support/sftp-server.ts";

let server: SftpServer;
let site: BackupSite;

/** Under the names that users give them. */
function environment() {
  const { SSH_PREFIX, SSH_PRIVATE_KEY_PATH, SSH_KNOWN_HOSTS } = sftpSettings(server);
  return {
    WALG_SSH_PREFIX: SSH_PREFIX,
    SSH_PRIVATE_KEY_PATH,
    TIDEMARK_SSH_KNOWN_HOSTS: SSH_KNOWN_HOSTS,
  };
}

beforeAll(async () => {
  server = await startSftpServer();
  site = await BackupSite.create({
    version: "17",
    rows: 30_000,
    walSegmentMiB: 16,
    repository: environment(),
  });
});
afterAll(async () => {
  await site?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

test("a host key that is not known is told with its fingerprint", async () => {
  const settings = { TIDEMARK_SSH_KNOWN_HOSTS: "/dev/null" };
  const result = await site.run(["backup-list"], { settings });
  expect(result.exitCode).toBe(21);
  expect(result.stderr).toContain(server.fingerprint);
});

/** Peak memory of a run of the binary: its own, as a child's usage has its parent's in it. */
async function peakMiB(args: readonly string[], options: BinaryOptions): Promise<number> {
  const running = startBinary(args, options);
  let peakBytes = 0;
  let exitCode: number | undefined;
  void running.exited.then((code) => {
    exitCode = code;
  });
  while (exitCode === undefined) {
    peakBytes = peakBytesOf(running.pid) ?? peakBytes;
    await Bun.sleep(2);
  }
  expect(exitCode, await running.stderr).toBe(0);
  return peakBytes / (1 << 20);
}

test("a segment of 16 MiB takes 120 MiB at most, and a backup 200 MiB", async () => {
  const { dataDir } = site.cluster;
  const at = (change: Readonly<Record<string, string>>): BinaryOptions => ({
    isServer: true,
    cwd: dataDir,
    env: site.environment({ settings: change }),
  });
  const names = readdirSync(join(dataDir, "pg_wal")).filter((name) => /^[0-9A-F]{24}$/.test(name));
  const [name = ""] = names.sort();
  const one = {
    WALG_STORAGE_PREFIX: "memory",
    TOTAL_BG_UPLOADED_LIMIT: "1",
    WALG_DOWNLOAD_CONCURRENCY: "1",
  };
  const target = join(site.scratch.path, "peak");
  const peaks = {
    push: await peakMiB(["wal-push", `pg_wal/${name}`], at(one)),
    fetch: await peakMiB(["wal-fetch", name, join(site.scratch.path, "segment")], at(one)),
    backup: await peakMiB(["backup-push", dataDir], at({ WALG_UPLOAD_DISK_CONCURRENCY: "4" })),
    restore: await peakMiB(["backup-fetch", target, "LATEST"], at({})),
  };
  console.log("peak MiB", peaks);
  const left = readdirSync(server.root, { recursive: true, encoding: "utf8" });
  expect(left.filter((path) => path.includes(".tmp."))).toEqual([]);
  expect(statSync(join(site.scratch.path, "segment")).size).toBe(16 << 20);
  expect(peaks.push).toBeGreaterThan(10);
  expect(Math.max(peaks.push, peaks.fetch)).toBeLessThan(120);
  expect(Math.max(peaks.backup, peaks.restore)).toBeLessThan(200);
});
