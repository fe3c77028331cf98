// A backup whose session with the server is lost ends within seconds, is listed nowhere, and the
// next one succeeds. Run with the compiled binary on real servers, in the middle of the copy; what
// a hung server or a dead network is to a session, test/conformance/postgres-session.test.ts shows.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BackupScene, type BackupWay } from "../support/halfway-backup.ts";
import type { PostgresVersion } from "../support/postgres-install.ts";

const VERSIONS: readonly PostgresVersion[] = ["13", "15", "17", "18"];
const WAYS: readonly BackupWay[] = ["local", "streamed"];
const SECONDS_MS = 10_000;
const DATABASE_EXIT_CODE = 40;

describe.each(VERSIONS)("PostgreSQL %s", (version) => {
  let scene: BackupScene;

  beforeAll(async () => {
    scene = await BackupScene.open(version);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  test.each(WAYS)("G26 a %s backup ends when an administrator ends its session", async (way) => {
    const backup = await scene.pushHalfway(way);
    const backends = await scene.backends();
    expect(backends.length).toBe(1);
    await scene.cluster.query(`SELECT pg_terminate_backend(${backends[0]})`);
    backup.kill("SIGCONT");
    const startedAt = performance.now();
    expect(await backup.exited).toBe(DATABASE_EXIT_CODE);
    expect(performance.now() - startedAt).toBeLessThan(SECONDS_MS);
    expect(scene.sentinels()).toEqual([]);
    expect(scene.storedObjects()).toEqual([]);
  });

  test.each(WAYS)(
    "G26 a %s backup ends when the server crashes, the next is whole",
    async (way) => {
      const before = scene.sentinels().length;
      const backup = await scene.pushHalfway(way);
      await scene.cluster.kill9();
      backup.kill("SIGCONT");
      const startedAt = performance.now();
      expect(await backup.exited).toBe(DATABASE_EXIT_CODE);
      expect(performance.now() - startedAt).toBeLessThan(SECONDS_MS);
      expect(scene.sentinels().length).toBe(before);
      await scene.cluster.start();
      const next = await scene.push(way);
      expect(next.exitCode, next.stderr).toBe(0);
      expect(scene.sentinels().length).toBe(before + 1);
    },
  );
});
