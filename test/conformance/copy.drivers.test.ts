// Proves that copies and moves are the same whatever drivers stand at their ends: from memory to a
// directory, between directories, and back, the contents are those of the start; what is refused,
// completed or left out does not depend on the driver either.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { BACKUPS_FOLDER } from "../../src/catalog/storage-layout.ts";
import { openFileStorage } from "../../src/storage/file/driver.ts";
import { MemoryDriver } from "../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../src/storage/object-key.ts";
import { alteredDriver } from "../support/altered-driver.ts";
import { contentOf, copyAll, putObject, storeArchive, walName } from "../support/copied-backups.ts";
import { keysOf, memoryRepository } from "../support/memory-repository.ts";
import { NEVER } from "../support/receipts.ts";

let dir: string;
let count = 0;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tidemark-copy-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function open(kind: "memory" | "file") {
  if (kind === "memory") return memoryRepository("zstd", new MemoryDriver(SYSTEM_CLOCK));
  count += 1;
  const path = join(dir, String(count));
  mkdirSync(path);
  return memoryRepository("zstd", openFileStorage(path, { below: "", clock: SYSTEM_CLOCK }));
}

describe.each([
  ["memory", "file"],
  ["file", "file"],
  ["file", "memory"],
] as const)("from %s to %s", (from, to) => {
  test("everything arrives, again nothing is written, and it goes back", async () => {
    const [source, target, back] = [await open(from), await open(to), await open(from)];
    await storeArchive(source, 2);
    await copyAll(source, target, { withHistory: true });
    const there = await contentOf(target.driver);
    const whole = await contentOf(source.driver);
    const left = [...whole.keys()].filter((key) => !there.has(key));
    expect(left).toEqual([0, 1].map((number) => `wal_005/${walName(number)}.zst`));
    for (const [key, content] of there) expect(whole.get(key), key).toBe(content);
    const again = await copyAll(source, target, { withHistory: true });
    expect(again.outcomes).toEqual({ copied: 0, replaced: 0, present: there.size });
    await copyAll(target, back, { withHistory: true });
    expect(await contentOf(back.driver)).toEqual(there);
  });

  test("an object that is cut short on its way is not there", async () => {
    const [source, target] = [await open(from), await open(to)];
    await storeArchive(source, 0);
    const driver = alteredDriver(source.driver, {
      get: async (key, options) => {
        const stream = await source.driver.get(key, options);
        if (!key.includes("/part_") || options.range !== undefined) return stream;
        return (async function* () {
          for await (const chunk of stream) yield chunk.subarray(0, -1);
        })();
      },
    });
    await expect(copyAll({ ...source, driver }, target)).rejects.toMatchObject({
      code: "corrupt-object",
    });
    const keys = await keysOf(target.driver);
    expect(keys.filter((key) => key.includes("/part_") || key.endsWith("sentinel.json"))).toEqual(
      [],
    );
    await copyAll(source, target);
    expect((await keysOf(target.driver)).some((key) => key.endsWith("sentinel.json"))).toBe(true);
  });

  test("other content under a name is refused, and replaced when told to", async () => {
    const [source, target] = [await open(from), await open(to)];
    await storeArchive(source, 0);
    const [key = ""] = (await keysOf(source.driver)).filter((one) => one.includes("/part_"));
    const { sizeBytes } = await source.driver.stat(toObjectKey(key), NEVER);
    await putObject(target.driver, key, new Uint8Array(sizeBytes));
    await expect(copyAll(source, target)).rejects.toMatchObject({ code: "object-exists", key });
    await copyAll(source, target, { rules: { mayReplace: true, trustsSizes: false } });
    expect((await contentOf(target.driver)).get(key)).toBe(
      (await contentOf(source.driver)).get(key),
    );
  });

  test("an interruption leaves nothing half", async () => {
    const [source, target] = [await open(from), await open(to)];
    await storeArchive(source, 1);
    const stop = new AbortController();
    let bytes = 0;
    const onBytes = (more: number) => {
      bytes += more;
      if (bytes > 200_000) stop.abort(new Error("enough"));
    };
    const run = copyAll(source, target, { onBytes, signal: stop.signal });
    await expect(run).rejects.toThrow("enough");
    const whole = await contentOf(source.driver);
    for (const [key, content] of await contentOf(target.driver)) {
      expect(whole.get(key), key).toBe(content);
    }
    if (to === "file") {
      const names = readdirSync(join(dir, String(count)), { recursive: true }).map(String);
      expect(names.filter((name) => name.includes(".tmp."))).toEqual([]);
    }
    await copyAll(source, target);
    const parts = (keys: Iterable<string>) =>
      [...keys].filter((key) => key.startsWith(BACKUPS_FOLDER)).sort();
    expect(parts(await keysOf(target.driver))).toEqual(parts(whole.keys()));
  });
});
