// A fetched file is checked before it has its name; what is missing, damaged, double or
// unreachable is told apart. On real segments, with the memory storage.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Clock, SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { CodecName } from "../../../src/codec/codec.ts";
import { EXTENSIONS } from "../../../src/codec/registry.ts";
import { fetchJournal } from "../../../src/database/fetch-journal.ts";
import { WalOrder } from "../../../src/database/postgres/wal-order.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { writeObject } from "../../../src/transfer/object-writer.ts";
import type { Repository } from "../../../src/transfer/repository.ts";
import { goldenSegment } from "../../support/golden-wal.ts";
import { memoryRepository, recordingLogger } from "../../support/memory-repository.ts";

const { signal } = new AbortController();
const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
const SEGMENT_BYTES = 1 << 20;
let directory = "";
let destination = "";
let repository: Repository;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "fetch-journal-"));
  destination = join(directory, "RECOVERYXLOG");
  repository = await memoryRepository("lz4");
});
afterEach(() => rmSync(directory, { recursive: true }));

async function store(name: string, bytes: Uint8Array, codec: CodecName = "lz4", into = repository) {
  const { driver } = into;
  const extension = EXTENSIONS[codec] === "" ? "" : `.${EXTENSIONS[codec]}`;
  const key = `wal_005/${name}${extension}`;
  const writer = await memoryRepository(codec, driver);
  await writeObject(writer, { key, source: bytesSource(bytes), ifAbsent: false, signal });
}

/** Waits pass at once, and count. */
function fastClock(): Clock & { readonly sleeps: number[] } {
  const sleeps: number[] = [];
  let nowMs = 0;
  return {
    sleeps,
    now: () => new Date(),
    monotonicMs: () => nowMs,
    sleep: async (delayMs) => {
      nowMs += delayMs;
      sleeps.push(delayMs);
    },
  };
}

async function fetch(
  name: string,
  options: { repositories?: readonly Repository[]; owner?: object; clock?: Clock } = {},
) {
  const { log, lines } = recordingLogger();
  await fetchJournal({
    repositories: options.repositories ?? [repository],
    order: new WalOrder({ segmentBytes: SEGMENT_BYTES, ...options.owner }, undefined),
    name,
    destination,
    retryBudgetMs: options.clock === undefined ? 0 : 10_000,
    clock: options.clock ?? SYSTEM_CLOCK,
    log,
    signal,
  });
  return lines;
}

function nothingThere() {
  expect(readdirSync(directory)).toEqual([]);
}

test.each<CodecName>(["none", "lz4", "zstd", "brotli", "lzma"])("brings %s back", async (codec) => {
  await store(golden.name, golden.bytes, codec);
  await fetch(golden.name);
  expect(readFileSync(destination).equals(golden.bytes)).toBe(true);
  expect(readdirSync(directory)).toEqual(["RECOVERYXLOG"]);
});

test("an existing destination is an error and stays", async () => {
  await store(golden.name, golden.bytes);
  writeFileSync(destination, "mine");
  await expect(fetch(golden.name)).rejects.toThrow(/exists already/);
  expect(readFileSync(destination, "utf8")).toBe("mine");
});

test("absent everywhere is its own error", async () => {
  await store(golden.name, golden.bytes);
  for (const name of [next.name, "00000002.history", `${golden.name}.partial`]) {
    await expect(fetch(name)).rejects.toMatchObject({
      code: "journal-not-found",
      message: `Archive '${name}' does not exist.`,
    });
  }
  nothingThere();
});

test("a later segment of the same timeline proves a hole; other objects do not", async () => {
  const before = "000000010000000000000003";
  for (const suffix of [".partial", ".00000028.backup", "_delta"]) {
    await store(`${next.name}${suffix}`, next.bytes);
  }
  await store(`00000002${next.name.slice(8)}`, next.bytes);
  const code = "journal-hole";
  await expect(fetch(before)).rejects.toMatchObject({ code: "journal-not-found" });
  await store(next.name, next.bytes, "zstd");
  await expect(fetch(before)).rejects.toMatchObject({ code });
  await expect(fetch(golden.name)).rejects.toMatchObject({ code });
  nothingThere();
});

test("a segment from before its timeline began is no hole", async () => {
  const onTwo = (name: string) => `00000002${name.slice(8)}`;
  await store(onTwo(next.name), next.bytes);
  const asked = onTwo(golden.name);
  await expect(fetch(asked)).rejects.toMatchObject({ code: "journal-not-found" });
  // The timeline began in the segment that is asked for: then it is one.
  const address = new DataView(golden.bytes.buffer).getBigUint64(8, true) + 5n;
  const history = `1\t0/${address.toString(16).toUpperCase()}\tno reason\n`;
  await store("00000002.history", new TextEncoder().encode(history));
  await expect(fetch(asked)).rejects.toMatchObject({ code: "journal-hole" });
  const later = `1\t0/${(address + 0x100000n).toString(16).toUpperCase()}\tno reason\n`;
  await store("00000002.history", new TextEncoder().encode(later));
  await expect(fetch(asked)).rejects.toMatchObject({ code: "journal-not-found" });
});

test("a segment that was archived before it was full is the end, or a hole", async () => {
  const bytes = golden.bytes.slice();
  bytes.fill(0, 1 << 19);
  await store(golden.name, bytes);
  await fetch(golden.name);
  rmSync(destination);
  await store(next.name, next.bytes);
  await expect(fetch(golden.name)).rejects.toThrow(/archived before it was full/);
  nothingThere();
});

test.each<CodecName>(["none", "lz4", "zstd", "brotli", "lzma"])(
  "refuses a changed record in %s",
  async (codec) => {
    await store(golden.name, golden.bytes, codec);
    const key = toObjectKey(
      `wal_005/${golden.name}${EXTENSIONS[codec] === "" ? "" : `.${EXTENSIONS[codec]}`}`,
    );
    if (codec === "none" || codec === "brotli" || codec === "lzma") {
      // These have no checksum of their own: the change is in what they decode to.
      const bytes = golden.bytes.slice();
      bytes[100_000] = (bytes[100_000] ?? 0) ^ 4;
      await store(golden.name, bytes, codec);
    } else {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await repository.driver.get(key, { signal })) chunks.push(chunk);
      const bytes = new Uint8Array(Buffer.concat(chunks));
      bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 4;
      await repository.driver.put(key, bytesSource(bytes), { ifAbsent: false, signal });
    }
    await expect(fetch(golden.name)).rejects.toMatchObject({ code: "corrupt-object" });
    nothingThere();
  },
);

test("refuses the segment of another cluster, another name, and one cut short", async () => {
  await store(golden.name, golden.bytes);
  const stranger = fetch(golden.name, { owner: { systemIdentifier: 1n } });
  await expect(stranger).rejects.toMatchObject({ code: "invalid-journal" });
  await store(next.name, golden.bytes);
  await expect(fetch(next.name)).rejects.toThrow(/holds WAL from/);
  await store(golden.name, golden.bytes.subarray(0, 1 << 19));
  await expect(fetch(golden.name)).rejects.toThrow(/has 524288 bytes/);
  nothingThere();
});

test("equal content under two codecs serves; different content is never picked from", async () => {
  await store(golden.name, golden.bytes, "lz4");
  await store(golden.name, golden.bytes, "zstd");
  await fetch(golden.name);
  rmSync(destination);
  const bytes = golden.bytes.slice();
  bytes[100_000] = (bytes[100_000] ?? 0) ^ 4;
  await store(golden.name, bytes, "zstd");
  await expect(fetch(golden.name)).rejects.toThrow(/stored with different contents/);
  nothingThere();
});

class FailingDriver extends MemoryDriver {
  failures = Number.POSITIVE_INFINITY;
  readonly #isTransient: boolean;

  constructor(clock: Clock, facts = { isTransient: true }) {
    super(clock);
    this.#isTransient = facts.isTransient;
  }

  override list(...parameters: Parameters<MemoryDriver["list"]>) {
    if (this.failures-- > 0) throw this.#failure();
    return super.list(...parameters);
  }

  #failure() {
    return new StorageUnavailableError({ storage: this.name, isTransient: this.#isTransient });
  }
}

test("one storage that fails and one without the file is a failure, not absence", async () => {
  const broken = await memoryRepository("lz4", new FailingDriver(SYSTEM_CLOCK));
  for (const repositories of [
    [repository, broken],
    [broken, repository],
  ]) {
    const answer = fetch(golden.name, { repositories });
    await expect(answer).rejects.toMatchObject({ code: "storage" });
  }
  await store(golden.name, golden.bytes);
  const lines = await fetch(golden.name, { repositories: [broken, repository] });
  expect(lines.join()).toContain("warning: memory:: storage failed");
});

test("different content in two storages is never picked from", async () => {
  const other = await memoryRepository("lz4");
  await store(golden.name, golden.bytes);
  const bytes = golden.bytes.slice();
  bytes[100_000] = (bytes[100_000] ?? 0) ^ 4;
  await store(golden.name, bytes, "lz4", other);
  const answer = fetch(golden.name, { repositories: [repository, other] });
  await expect(answer).rejects.toMatchObject({ code: "object-exists" });
});

test("failures are tried again within the budget, then thrown; absence at once", async () => {
  const driver = new FailingDriver(SYSTEM_CLOCK);
  const flaky = await memoryRepository("lz4", driver);
  await store(golden.name, golden.bytes, "lz4", flaky);
  driver.failures = 3;
  const clock = fastClock();
  await fetch(golden.name, { repositories: [flaky], clock });
  expect(clock.sleeps).toEqual([250, 500, 1000]);
  rmSync(destination);
  driver.failures = Number.POSITIVE_INFINITY;
  const patient = fastClock();
  const failing = fetch(golden.name, { repositories: [flaky], clock: patient });
  await expect(failing).rejects.toMatchObject({ code: "storage" });
  expect(patient.sleeps.reduce((sum, delay) => sum + delay, 0)).toBeLessThanOrEqual(10_000);
  const absent = fastClock();
  await expect(fetch(next.name, { clock: absent })).rejects.toThrow(/does not exist/);
  expect(absent.sleeps).toEqual([]);
});

test("a hole is asked for once more, and not again", async () => {
  await store(next.name, next.bytes);
  const clock = fastClock();
  await expect(fetch(golden.name, { clock })).rejects.toMatchObject({ code: "journal-hole" });
  expect(clock.sleeps).toEqual([1000]);
  const late = { ...fastClock(), sleep: () => store(golden.name, golden.bytes) };
  await fetch(golden.name, { clock: late });
  expect(readFileSync(destination).equals(golden.bytes)).toBe(true);
});

test("what no retry heals fails at once", async () => {
  const clock = fastClock();
  await store(golden.name, new Uint8Array([1, 2, 3]), "none");
  await expect(fetch(golden.name, { clock })).rejects.toThrow(/3 bytes/);
  const driver = new FailingDriver(SYSTEM_CLOCK, { isTransient: false });
  const repositories = [await memoryRepository("lz4", driver)];
  const failing = fetch(golden.name, { clock, repositories });
  await expect(failing).rejects.toMatchObject({ code: "storage" });
  expect(clock.sleeps).toEqual([]);
});

test("a history file must be one", async () => {
  await store("00000002.history", new TextEncoder().encode("1\t0/B000000\tno reason\n"));
  await fetch("00000002.history");
  expect(readFileSync(destination, "utf8")).toBe("1\t0/B000000\tno reason\n");
  rmSync(destination);
  await store("00000003.history", new TextEncoder().encode("<html>not here</html>"));
  await expect(fetch("00000003.history")).rejects.toMatchObject({ code: "invalid-journal" });
  expect(existsSync(destination)).toBe(false);
});

test("what a killed run left behind goes after a while", async () => {
  const stale = `${destination}.tmp.20260101T000000Z-0123456789abcdef`;
  writeFileSync(stale, "half");
  const clock = { ...SYSTEM_CLOCK, now: () => new Date(Date.now() + 3_600_000) };
  await expect(fetch(golden.name, { clock })).rejects.toThrow(/does not exist/);
  nothingThere();
});
