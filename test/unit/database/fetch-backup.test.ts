// Proves the order of a restore: groups one after the other, retries for a storage that fails and
// for nothing else, and what the receipts decide before anything is fetched.
import { describe, expect, it } from "vitest";
import type { RestorePart } from "../../../src/database/adapter.ts";
import { type FetchBackupRequest, fetchBackup } from "../../../src/database/fetch-backup.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { type MadeBackup, storeBackup } from "../../support/made-backup.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";
import { NEVER } from "../../support/receipts.ts";

const PARTS_KEY = "basebackups_005/base_000000010000000000000002/tar_partitions";

interface Observed {
  readonly events: string[];
  readonly lines: string[];
  readonly sleeps: number[];
  readonly error: unknown;
}

/** Fetches a made-up backup with an adapter that only looks; `onPart` may fail. */
async function fetch(
  options: {
    readonly made?: MadeBackup;
    readonly change?: (repository: Repository) => Promise<void>;
    readonly onPart?: (part: RestorePart, attempt: number) => void;
    readonly retriesMax?: number;
  } = {},
): Promise<Observed> {
  const repository = await memoryRepository("zstd");
  const backup = await storeBackup(repository, options.made);
  await options.change?.(repository);
  const events: string[] = [];
  const attempts = new Map<string, number>();
  const adapter: FetchBackupRequest["adapter"] = {
    kind: "postgres",
    beginRestore: async () => ({
      plan: (parts) => [
        parts.filter(({ name }) => name.includes("part_")),
        parts.filter(({ name }) => !name.includes("part_")),
      ],
      restorePart: async (part, content) => {
        const attempt = (attempts.get(part.name) ?? 0) + 1;
        attempts.set(part.name, attempt);
        options.onPart?.(part, attempt);
        await collect(await content.whole(), 1 << 20);
        events.push(part.name.replace("tar_partitions/", ""));
      },
      finish: async () => {
        events.push("finish");
      },
      [Symbol.asyncDispose]: async () => {
        events.push("dispose");
      },
    }),
  };
  const { log, lines } = recordingLogger();
  const sleeps: number[] = [];
  const fetched = fetchBackup({
    adapter,
    repository,
    backup,
    targetDir: "/nowhere",
    options: {
      mask: undefined,
      restoreSpec: undefined,
      syncsFiles: true,
      isDelta: false,
      only: [],
    },
    recovery: undefined,
    partsMax: 2,
    retriesMax: options.retriesMax ?? 0,
    clock: {
      now: () => new Date(0),
      monotonicMs: () => 0,
      sleep: async (delayMs) => {
        sleeps.push(delayMs);
      },
    },
    log,
    signal: NEVER,
  });
  const error = await fetched.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { events, lines, sleeps, error };
}

const broken = () => new StorageUnavailableError({ storage: "memory", detail: "reset" });

describe("fetch of a backup", () => {
  it("restores one group after the other, finishes, and disposes", async () => {
    const { events, lines, error } = await fetch();
    expect(error).toBeUndefined();
    expect(events).toEqual([
      "part_001.tar",
      expect.any(String),
      expect.any(String),
      "finish",
      "dispose",
    ]);
    expect(lines).toContain("info: Finished extraction of part_001.tar.zst");
  });

  it("fetches a part again when the storage failed, waiting longer each time", async () => {
    const onPart = (part: RestorePart, attempt: number) => {
      if (part.name.includes("part_") && attempt <= 3) throw broken();
    };
    const { events, sleeps, error } = await fetch({ onPart, retriesMax: 3 });
    expect(error).toBeUndefined();
    expect(events.at(-2)).toBe("finish");
    expect(sleeps).toEqual([1000, 2000, 4000]);
  });

  it("gives up after so many times, without finishing", async () => {
    const onPart = () => {
      throw broken();
    };
    const { events, error } = await fetch({ onPart, retriesMax: 2 });
    expect(error).toBeInstanceOf(StorageUnavailableError);
    expect(events).toEqual(["dispose"]);
  });

  it("does not fetch again what is damaged or cannot be written", async () => {
    const onPart = () => {
      throw new Error("disk full");
    };
    const { sleeps, error, events } = await fetch({ onPart, retriesMax: 9 });
    expect(error).toMatchObject({ message: "disk full" });
    expect(sleeps).toEqual([]);
    expect(events).toEqual(["dispose"]);
  });

  it("leaves out what the receipts do not know, with a warning", async () => {
    const change = async ({ driver }: Repository) => {
      const key = toObjectKey(`${PARTS_KEY}/part_009.tar.zst`);
      await driver.put(key, bytesSource("rest"), { ifAbsent: false, signal: NEVER });
    };
    const { events, lines, error } = await fetch({ change });
    expect(error).toBeUndefined();
    expect(events).not.toContain("part_009.tar");
    expect(lines.join("\n")).toContain("part_009.tar.zst is no part of the backup: left out");
  });

  it("finds a missing part before the restore begins", async () => {
    const change = async ({ driver }: Repository) => {
      await driver.delete([toObjectKey(`${PARTS_KEY}/pg_control.tar.zst`)], NEVER);
    };
    const { events, error } = await fetch({ change });
    expect(error).toMatchObject({ code: "corrupt-object" });
    expect(events).toEqual([]);
  });

  it("says that a backup without receipts is checked less", async () => {
    const { lines, error } = await fetch({ made: { hasReceipts: false } });
    expect(error).toBeUndefined();
    expect(lines.join("\n")).toContain("has no receipts");
  });
});
