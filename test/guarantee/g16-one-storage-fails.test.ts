// If one storage fails and another says "not there", the answer is the failure. Until several
// storages can be configured, this is proven on the module that the command calls.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { fetchJournal } from "../../src/database/fetch-journal.ts";
import { WalOrder } from "../../src/database/postgres/wal-order.ts";
import { AccessDeniedError, StorageUnavailableError } from "../../src/storage/errors.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import { memoryRepository } from "../support/memory-repository.ts";

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
