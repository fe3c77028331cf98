// Proves that no server can start in what an interrupted delta restore leaves, that an ordinary
// restore does not empty it, and that the delta restore can be run again, by stopping it after
// each part in turn.
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RESTORE_MARKER } from "../../src/database/postgres/restore-target.ts";
import { damageDirectory } from "../support/damaged-directory.ts";
import { listDirectory } from "../support/directory-listing.ts";
import { storeRandomChain } from "../support/made-chain.ts";
import { memoryRepository } from "../support/memory-repository.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";
import { restoreHere } from "../support/restore.ts";
import { makeScratch } from "../support/scratch.ts";

const SEED = fuzzSeed();

describe("G37 an interrupted delta restore", () => {
  it(`starts no server, and goes on (seed ${SEED})`, async () => {
    using scratch = makeScratch("g37");
    const repository = await memoryRepository("zstd");
    const { backup } = await storeRandomChain(repository, seededRandom(SEED), 2);
    const clean = join(scratch.path, "clean");
    await restoreHere({ repository, backup, targetDir: clean });
    let isComplete = false;
    for (let stopAfter = 1; !isComplete; stopAfter += 1) {
      const targetDir = join(scratch.path, `data${stopAfter}`);
      cpSync(clean, targetDir, { recursive: true, verbatimSymlinks: true });
      damageDirectory(targetDir, seededRandom(SEED + stopAfter), 20);
      const stop = new AbortController();
      let parts = 0;
      const call = { repository, backup, targetDir, options: { isDelta: true } };
      const onPart = () => {
        parts += 1;
        if (parts === stopAfter) stop.abort(new Error("interrupted"));
      };
      try {
        await restoreHere({ ...call, signal: stop.signal, onPart });
        isComplete = true;
      } catch (error) {
        expect(error).toMatchObject({ message: "interrupted" });
        expect(existsSync(join(targetDir, "global/pg_control"))).toBe(false);
        expect(existsSync(join(targetDir, RESTORE_MARKER))).toBe(true);
        const before = listDirectory(targetDir);
        await expect(restoreHere({ ...call, options: {} })).rejects.toMatchObject({
          code: "target-not-empty",
          hint: expect.stringContaining("Run that again"),
        });
        expect(listDirectory(targetDir)).toEqual(before);
        await restoreHere(call);
      }
      expect(listDirectory(targetDir)).toEqual(listDirectory(clean));
    }
  });
});
