// If one storage fails and another says "not there", the answer is the failure: on the module that
// the command calls, and by the compiled binary with failover storages of which one is away.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { fetchJournal } from "../../src/database/fetch-journal.ts";
import { WalOrder } from "../../src/database/postgres/wal-order.ts";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import { goldenSegment } from "../support/golden-wal.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { giveToServers } from "../support/scratch.ts";
import { WalArchive } from "../support/wal-archive.ts";

class FailingDriver extends MemoryDriver {
  readonly #error: Error;
  constructor(error: Error) {
    super(SYSTEM_CLOCK);
    this.#error = error;
  }
  override list(): never {
    throw this.#error;
  }
}

const FACTS = { storage: "memory:" };

test.each([
  ["storage", new StorageUnavailableError(FACTS)],
  ["access-denied", new AccessDeniedError(FACTS)],
])("G16 %s beside an empty storage is not absence", async (code, failure) => {
  const directory = mkdtempSync(join(tmpdir(), "g16-"));
  try {
    const empty = await memoryRepository("lz4");
    const broken = await memoryRepository("lz4", new FailingDriver(failure));
    for (const repositories of [[empty, broken], [broken, empty], [broken]]) {
      const answer = fetchJournal({
        repositories,
        order: new WalOrder({}, undefined),
        name: "000000010000000000000001",
        destination: join(directory, "RECOVERYXLOG"),
        retryBudgetMs: 0,
        clock: SYSTEM_CLOCK,
        log: SILENT_LOGGER,
        signal: new AbortController().signal,
      });
      await expect(answer).rejects.toMatchObject({ code });
    }
    expect(readdirSync(directory)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** An archive whose storages are directories; one of them can be taken away. */
function archiveOf(names: readonly string[]) {
  const archive = new WalArchive("g16");
  const own = (name: string) => ({ WALG_FILE_PREFIX: join(archive.dataDir, "..", name) });
  for (const name of names) {
    mkdirSync(own(name).WALG_FILE_PREFIX);
    giveToServers(own(name).WALG_FILE_PREFIX);
  }
  const failovers = Object.fromEntries(names.map((name) => [name, own(name)]));
  const settings = {
    WALG_FAILOVER_STORAGES: JSON.stringify(failovers),
    WALG_FAILOVER_STORAGES_CHECK_TIMEOUT: "2s",
    TIDEMARK_FAILOVER_STORAGES_CACHE_DIR: archive.dataDir,
  };
  const takeAway = (path: string) => renameSync(path, `${path}-away`);
  return { archive, settings, own, takeAway };
}

test.each([
  ["the default one", (repoDir: string) => repoDir],
  ["a failover", (_: string, second: string) => second],
])("G16 with %s away nothing is absent, in recovery it is fatal", async (_name, choose) => {
  const golden = goldenSegment(16, "middle");
  const { archive, settings, own, takeAway } = archiveOf(["second"]);
  using _archive = archive;
  archive.identify(golden);
  const absent = await archive.fetch(golden.name, { settings });
  expect([absent.exitCode, archive.takeFetched()]).toEqual([74, undefined]);
  takeAway(choose(archive.repoDir, own("second").WALG_FILE_PREFIX));
  // Also once it is known to be dead.
  for (let run = 1; run <= 2; run += 1) {
    const unknown = await archive.fetch(golden.name, { settings });
    expect([unknown.exitCode, archive.takeFetched()]).toEqual([20, undefined]);
    expect((await archive.fetch(golden.name, { settings, name: "wal-g" })).exitCode).toBe(1);
  }
  archive.write("recovery.signal", "");
  for (const name of ["tidemark", "wal-g"]) {
    expect((await archive.fetch(golden.name, { settings, name })).exitCode).toBe(200);
  }
});

test("G16 what another storage has is served while one is away", async () => {
  const golden = goldenSegment(16, "middle");
  const { archive, settings, takeAway } = archiveOf(["second"]);
  using _archive = archive;
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  takeAway(archive.repoDir);
  const pushed = await archive.push(golden.name, { settings });
  expect(pushed.exitCode).toBe(0);
  const fetched = await archive.fetch(golden.name, { settings });
  expect(fetched.exitCode).toBe(0);
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
  renameSync(`${archive.repoDir}-away`, archive.repoDir);
  const again = await archive.push(golden.name, {
    settings: { ...settings, WALG_FAILOVER_STORAGES_CACHE_LIFETIME: "0s" },
  });
  expect([again.exitCode, archive.stored()]).toEqual([0, []]);
  expect(again.stderr).toContain("already archived with equal content");
});
