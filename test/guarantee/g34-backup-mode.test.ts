// The server leaves backup mode whatever ends a backup: a signal, a kill, a storage that breaks.
// Run with the compiled binary on real servers, in the middle of the copy.
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BackupScene, type BackupWay } from "../support/halfway-backup.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];
const WAYS: readonly BackupWay[] = ["local", "streamed"];
const SECONDS_MS = 10_000;

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let scene: BackupScene;

  beforeAll(async () => {
    scene = await BackupScene.open(version);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  async function expectBackupModeLeft(way: BackupWay, logLength: number): Promise<void> {
    await scene.untilBackupModeIsLeft(SECONDS_MS);
    // Of a streamed backup not every version says it; there the end of the session is the proof.
    if (way === "local") {
      expect(scene.cluster.logText().slice(logLength)).toContain("aborting backup");
    }
    expect(scene.sentinels()).toEqual([]);
  }

  describe.each(WAYS)("a %s backup", (way) => {
    test.each([
      ["SIGTERM", 143],
      ["SIGINT", 130],
      ["SIGKILL", 137],
    ] as const)("G34 ended by %s leaves no backup mode behind", async (signal, exitCode) => {
      const log = scene.cluster.logText().length;
      const backup = await scene.pushHalfway(way);
      expect((await scene.backends()).length).toBe(1);
      backup.kill(signal);
      backup.kill("SIGCONT");
      expect(await backup.exited).toBe(exitCode);
      await expectBackupModeLeft(way, log);
    });

    test("G34 ended by a storage that breaks leaves no backup mode behind", async () => {
      const log = scene.cluster.logText().length;
      const settings = { TIDEMARK_TAR_SIZE_THRESHOLD: "1000000", TIDEMARK_UPLOAD_CONCURRENCY: "1" };
      const backup = await scene.pushHalfway(way, settings);
      const folders = scene
        .folders()
        .map((name) => join(scene.repositoryDir, "basebackups_005", name, "tar_partitions"))
        .filter(existsSync);
      expect(folders.length).toBeGreaterThan(0);
      for (const folder of folders) chmodSync(folder, 0o500);
      backup.kill("SIGCONT");
      expect(await backup.exited).toBeGreaterThan(0);
      for (const folder of folders) chmodSync(folder, 0o700);
      await expectBackupModeLeft(way, log);
    });
  });
});
