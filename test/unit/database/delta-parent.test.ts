// On which backup the next one builds, over a repository in memory: WAL-G's rules with WAL-G's
// words, and chains that are broken or damaged are never built on.
import { describe, expect, test } from "vitest";
import { BackupNotFoundError } from "../../../src/catalog/errors.ts";
import { chooseParent, type DeltaWish } from "../../../src/database/delta-parent.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const NEVER = new AbortController().signal;
const [A, B, C] = ["2", "3", "4"].map((digit) => digit.padStart(24, "0"));
const FULL = `base_${A}`;
const FIRST = `base_${B}_D_${A}`;
const SECOND = `base_${C}_D_${B}`;

interface Stored {
  readonly name: string;
  readonly parent?: string;
  readonly depth?: number;
  readonly isPermanent?: boolean;
  readonly userData?: string;
  readonly sentinel?: string;
  readonly hasMetadata?: boolean;
}

const CHAIN: readonly Stored[] = [
  { name: FULL, userData: '"root"' },
  { name: FIRST, parent: FULL, depth: 1 },
  { name: SECOND, parent: FIRST, depth: 2, userData: '"newest"' },
];

async function choose(stored: readonly Stored[], wish: Partial<DeltaWish> = {}) {
  const repository = await memoryRepository("none");
  const put = (key: string, text: string) =>
    repository.driver.put(toObjectKey(`basebackups_005/${key}`), bytesSource(text), {
      ifAbsent: false,
      signal: NEVER,
    });
  for (const { name, parent, depth, isPermanent, userData, sentinel, hasMetadata } of stored) {
    const metadata = `{"is_permanent":${isPermanent === true},"user_data":${userData ?? null}}`;
    if (hasMetadata !== false) await put(`${name}/metadata.json`, metadata);
    await put(`${name}/files_metadata.json`, `{"of":"${name}"}`);
    const link =
      parent === undefined
        ? ""
        : `,"DeltaFrom":"${parent}","DeltaFullName":"${FULL}","DeltaCount":${depth},"DeltaLSN":1`;
    await put(`${name}_backup_stop_sentinel.json`, sentinel ?? `{"LSN":1${link}}`);
  }
  const { log, lines } = recordingLogger();
  const parent = await chooseParent(
    { stepsMax: 5, fromFull: false, base: { by: "latest" }, isPermanent: false, ...wish },
    { adapter: { kind: "postgres" }, repository, log, signal: NEVER },
  );
  return { name: parent?.sentinel.name, depth: parent?.depth, parent, lines: lines.join("\n") };
}

describe("the parent is", () => {
  test("the latest backup, and the steps count on", async () => {
    const { name, depth, parent } = await choose(CHAIN);
    expect([name, depth]).toEqual([SECOND, 3]);
    const list = await parent?.document("files_metadata.json");
    if (list === undefined) throw new Error("it has a list");
    expect(new TextDecoder().decode(await collect(list, 1000))).toBe(`{"of":"${SECOND}"}`);
    expect(await parent?.document("absent.json")).toBeUndefined();
  });

  test("the named one, or the one with the user data", async () => {
    expect(await choose(CHAIN, { base: { by: "name", name: FIRST } })).toMatchObject({
      name: FIRST,
      depth: 2,
    });
    expect(await choose(CHAIN, { base: { by: "user-data", userData: "root" } })).toMatchObject({
      name: FULL,
      depth: 1,
    });
  });

  test("with LATEST_FULL the full backup of the chosen one, whose steps still count", async () => {
    const chosen = await choose(CHAIN, { fromFull: true });
    expect(chosen).toMatchObject({ name: FULL, depth: 3 });
    expect(chosen.lines).toContain("Delta will be made from full backup.");
    const full = await choose(CHAIN, { fromFull: true, base: { by: "name", name: FULL } });
    expect(full).toMatchObject({ name: FULL, depth: 1 });
  });

  test("a permanent one only for permanent deltas, or by LATEST_FULL", async () => {
    const stored = CHAIN.map((backup) => ({ ...backup, isPermanent: true }));
    expect((await choose(stored, { isPermanent: true })).name).toBe(SECOND);
    expect((await choose(stored, { fromFull: true })).name).toBe(FULL);
  });
});

describe("there is none", () => {
  test.each<[string, readonly Stored[], Partial<DeltaWish>, string]>([
    ["in an empty repository", [], {}, "Couldn't find previous backup. Doing full backup."],
    ["past the longest chain", CHAIN, { stepsMax: 2 }, "Reached max delta steps. Doing full"],
    [
      "past the longest chain, counted before LATEST_FULL",
      CHAIN,
      { stepsMax: 2, fromFull: true },
      "Reached max delta steps.",
    ],
    [
      "where the latest is permanent and the new one is not",
      CHAIN.map((backup) => ({ ...backup, isPermanent: true })),
      {},
      "Can't do a delta backup from permanent backup. Doing full backup.",
    ],
    [
      "where the latest has no metadata",
      CHAIN.map((backup) => ({ ...backup, hasMetadata: false })),
      {},
      "Failed to get previous backup metadata",
    ],
    ["where the chain is broken", CHAIN.slice(1), {}, `builds on ${FULL}, which is not in storage`],
    [
      "where the full backup of the latest is gone",
      CHAIN.slice(1),
      { fromFull: true },
      `builds on ${FULL}, which is not in storage`,
    ],
    [
      "where the latest cannot be read",
      [...CHAIN.slice(0, 2), { name: SECOND, sentinel: '{"LSN":' }],
      {},
      "cannot be built on",
    ],
    [
      "where the latest contradicts itself",
      [...CHAIN.slice(0, 2), { name: SECOND, sentinel: `{"LSN":1,"DeltaFrom":"${FIRST}"}` }],
      {},
      "cannot be built on",
    ],
    [
      "where the latest says that it builds on itself",
      [{ name: SECOND, parent: SECOND, depth: 1 }],
      {},
      "builds on it in turn",
    ],
  ])("%s, and the log says why", async (_, stored, wish, words) => {
    const { name, lines } = await choose(stored, wish);
    expect(name).toBeUndefined();
    expect(lines).toContain(words);
    expect(lines).toContain("Doing full backup");
  });

  test("when deltas are off, which is told to who named one", async () => {
    expect(await choose(CHAIN, { stepsMax: 0 })).toMatchObject({ name: undefined, lines: "" });
    const named = await choose(CHAIN, { stepsMax: 0, base: { by: "name", name: FIRST } });
    expect(named).toMatchObject({ name: undefined });
    expect(named.lines).toContain("Doing full backup.");
  });
});

describe("an error is", () => {
  test("a named backup that is not there", async () => {
    const absent = choose(CHAIN, { base: { by: "name", name: "base_X" } });
    await expect(absent).rejects.toThrow("Backup 'base_X' does not exist.");
    const unknown = choose(CHAIN, { base: { by: "user-data", userData: 7 } });
    await expect(unknown).rejects.toThrow(BackupNotFoundError);
  });

  test("user data that several backups have", async () => {
    const stored = CHAIN.map((backup) => ({ ...backup, userData: '"same"' }));
    const several = choose(stored, { base: { by: "user-data", userData: "same" } });
    await expect(several).rejects.toThrow("matches");
  });

  test("a storage that fails: it says nothing about the parent", async () => {
    const repository = await memoryRepository("none");
    const failing = {
      ...repository,
      driver: Object.assign(Object.create(repository.driver), {
        listFolder: async () => {
          throw new StorageUnavailableError({ storage: "memory", detail: "x" });
        },
      }),
    };
    const { log } = recordingLogger();
    const wish = { stepsMax: 5, fromFull: false, isPermanent: false, base: { by: "latest" } };
    await expect(
      chooseParent(wish as DeltaWish, {
        adapter: { kind: "postgres" },
        repository: failing,
        log,
        signal: NEVER,
      }),
    ).rejects.toThrow(StorageUnavailableError);
  });
});
