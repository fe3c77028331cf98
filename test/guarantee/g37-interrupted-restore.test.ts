// Proves with kill -9 at seeded moments that an interrupted restore can never be started
// (pg_control is not there until all else is durable), and that the next run restores the whole.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { listDirectory } from "../support/directory-listing.ts";
import { copyFixture } from "../support/fixture.ts";
import { postgresBinDir } from "../support/postgres-install.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";
import { runAsServer } from "../support/run-as.ts";
import { runBinary, startBinary } from "../support/run-binary.ts";
import { giveTreeToServers, makeScratch } from "../support/scratch.ts";

const SEED = fuzzSeed();
/** `bun run soak` takes more. */
const KILLS = Number(process.env["CRASH_ROUNDS"] ?? 8);

describe(`G37 an interrupted restore, FUZZ_SEED=${SEED}`, () => {
  it("G37 is never a directory that could be started, and the next run restores it", async () => {
    using scratch = makeScratch("g37");
    const fixture = copyFixture("pg15-lz4-full", scratch.path);
    const options = { env: { WALG_FILE_PREFIX: fixture.repository } };
    const clean = join(scratch.path, "clean");
    const startedMs = performance.now();
    await runBinary(["backup-fetch", clean, "LATEST"], options);
    const wholeMs = performance.now() - startedMs;
    const wanted = listDirectory(clean);
    const random = seededRandom(SEED);
    let killedCount = 0;
    for (let round = 0; round < KILLS; round++) {
      const target = join(scratch.path, `data-${round}`);
      const running = startBinary(["backup-fetch", target, "LATEST"], options);
      await Bun.sleep(random.below(Math.ceil(wholeMs)));
      running.kill("SIGKILL");
      const isKilled = (await running.exited) !== 0;
      if (isKilled) killedCount += 1;
      const isWhole = existsSync(join(target, "global/pg_control"));
      // It appears in the last step, when every other file is there and durable.
      if (isWhole) expect(withoutMarker(listDirectory(target)), `round ${round}`).toEqual(wanted);
      else await expectUnstartable(target);
      const again = await runBinary(["backup-fetch", target, "LATEST"], options);
      expect(again.exitCode, `round ${round}: ${again.stderr}`).toBe(isWhole ? 46 : 0);
      expect(withoutMarker(listDirectory(target)), `round ${round}`).toEqual(wanted);
      rmSync(target, { recursive: true });
    }
    expect(killedCount).toBeGreaterThan(0);
  });

  it("G37 SIGTERM ends a restore in the same way, with a code of its own", async () => {
    using scratch = makeScratch("g37");
    const fixture = copyFixture("pg15-lz4-full", scratch.path);
    const target = join(scratch.path, "data");
    const options = { env: { WALG_FILE_PREFIX: fixture.repository } };
    const running = startBinary(["backup-fetch", target, "LATEST"], options);
    while (!existsSync(join(target, "base"))) await Bun.sleep(1);
    running.kill("SIGTERM");
    expect(await running.exited).toBe(143);
    expect(existsSync(join(target, "global/pg_control"))).toBe(false);
    expect((await runBinary(["backup-fetch", target, "LATEST"], options)).exitCode).toBe(0);
  });
});

/** The server itself must refuse it. */
async function expectUnstartable(target: string): Promise<void> {
  if (!existsSync(join(target, "PG_VERSION"))) return;
  giveTreeToServers(target);
  const result = await runAsServer([join(postgresBinDir("15"), "postgres"), "-D", target]);
  expect(result.exitCode).not.toBe(0);
  expect(result.stderr).toMatch(/could not (find the database system|open|access)/);
}

/** Killed between the last rename and the marker's removal it stays; the server ignores it. */
function withoutMarker(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.endsWith(" tidemark_restore.unfinished"));
}
