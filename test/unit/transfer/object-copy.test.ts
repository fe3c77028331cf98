// Proves that an object arrives as it is stored or not at all: sizes and recorded hashes are held
// against every cut and flipped byte, what is there is compared, and a source that fails in the
// middle is read again while a target that fails is not asked twice as often.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { ObjectInfo, StorageDriver } from "../../../src/storage/driver.ts";
import { StorageUnavailableError } from "../../../src/storage/errors.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";
import { type CopiedObject, type CopyWay, copyObject } from "../../../src/transfer/object-copy.ts";
import { alteredDriver } from "../../support/altered-driver.ts";
import { keysOf, recordingLogger } from "../../support/memory-repository.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const KEY = toObjectKey("folder/object");
const { signal } = new AbortController();
const CONTENT = pageLike(700_000, 3);
const SHA256 = new Bun.CryptoHasher("sha256").update(CONTENT).digest("hex");
const RECORDED = { storedBytes: CONTENT.byteLength, storedSha256: SHA256 };

class Pair {
  readonly from = new MemoryDriver(SYSTEM_CLOCK);
  readonly to = new MemoryDriver(SYSTEM_CLOCK);
  readonly logged = recordingLogger();
  bytes = 0;

  async copy(
    object: Pick<CopiedObject, "recorded"> & { readonly listed?: ObjectInfo },
    change: Partial<CopyWay> = {},
  ) {
    const way: CopyWay = {
      from: this.from,
      to: this.to,
      rules: { mayReplace: false, trustsSizes: false },
      retriesMax: 3,
      clock: { ...SYSTEM_CLOCK, sleep: async () => {} },
      log: this.logged.log,
      onBytes: (bytes) => {
        this.bytes += bytes;
      },
      ...change,
    };
    const source = object.listed ?? (await this.from.stat(KEY, signal));
    const target = await this.to.stat(KEY, signal).catch(() => undefined);
    return await copyObject(way, { source, target, recorded: object.recorded }, signal);
  }

  async there(): Promise<Buffer> {
    return Buffer.from(await collect(await this.to.get(KEY, { signal }), 1e9));
  }
}

async function put(driver: StorageDriver, content: Uint8Array): Promise<ObjectInfo> {
  return await driver.put(KEY, bytesSource(content), { ifAbsent: false, signal });
}

function changed(index: number): Uint8Array {
  const other = CONTENT.slice();
  other[index] = (other[index] ?? 0) ^ 1;
  return other;
}

test("copies what is not there and leaves what is the same", async () => {
  for (const recorded of [undefined, RECORDED]) {
    const pair = new Pair();
    await put(pair.from, CONTENT);
    expect(await pair.copy({ recorded })).toBe("copied");
    expect(Buffer.compare(await pair.there(), CONTENT)).toBe(0);
    const before = await pair.to.stat(KEY, signal);
    expect(await pair.copy({ recorded })).toBe("present");
    expect((await pair.to.stat(KEY, signal)).modifiedAt).toBe(before.modifiedAt);
    expect(pair.bytes).toBe(2 * CONTENT.byteLength);
  }
});

test("refuses other content under the name, or replaces it when told to", async () => {
  for (const recorded of [undefined, RECORDED]) {
    for (const other of [changed(0), changed(CONTENT.byteLength - 1), CONTENT.subarray(1)]) {
      const pair = new Pair();
      await put(pair.from, CONTENT);
      await put(pair.to, other);
      await expect(pair.copy({ recorded })).rejects.toMatchObject({
        code: "object-exists",
        key: KEY,
      });
      expect(Buffer.compare(await pair.there(), other)).toBe(0);
      const rules = { mayReplace: true, trustsSizes: false };
      expect(await pair.copy({ recorded }, { rules })).toBe("replaced");
      expect(Buffer.compare(await pair.there(), CONTENT)).toBe(0);
    }
  }
});

test("trusts sizes only when told to", async () => {
  const pair = new Pair();
  await put(pair.from, CONTENT);
  await put(pair.to, changed(5));
  const rules = { mayReplace: false, trustsSizes: true };
  expect(await pair.copy({ recorded: RECORDED }, { rules })).toBe("present");
});

test("an object that is not what was recorded is not stored", async () => {
  for (const damaged of [changed(9), CONTENT.subarray(0, -1), new Uint8Array(0)]) {
    const pair = new Pair();
    await put(pair.from, damaged);
    await expect(pair.copy({ recorded: RECORDED })).rejects.toMatchObject({
      code: "corrupt-object",
    });
    expect(await keysOf(pair.to)).toEqual([]);
  }
});

test("an object that became shorter since it was listed is not stored", async () => {
  const pair = new Pair();
  const listed = await put(pair.from, CONTENT);
  await put(pair.from, CONTENT.subarray(10));
  await expect(pair.copy({ recorded: undefined, listed })).rejects.toMatchObject({
    code: "corrupt-object",
  });
  expect(await keysOf(pair.to)).toEqual([]);
});

test("whoever stored the same object meanwhile is right, and another one is not", async () => {
  for (const [content, outcome] of [
    [CONTENT, "present"],
    [changed(1), "error"],
  ] as const) {
    const pair = new Pair();
    await put(pair.from, CONTENT);
    const to = alteredDriver(pair.to, {
      async put(...args: Parameters<StorageDriver["put"]>) {
        await put(pair.to, content);
        return await pair.to.put(...args);
      },
    });
    const copy = pair.copy({ recorded: RECORDED }, { to });
    if (outcome === "present") expect(await copy).toBe("present");
    else await expect(copy).rejects.toMatchObject({ code: "object-exists" });
  }
});

test("reads a source that fails in the middle again, as often as set", async () => {
  for (const failures of [2, 9]) {
    const pair = new Pair();
    await put(pair.from, CONTENT);
    let left = failures;
    const from = alteredDriver(pair.from, {
      async get(...args: Parameters<StorageDriver["get"]>) {
        const stream = await pair.from.get(...args);
        return (async function* () {
          for await (const chunk of stream) {
            yield chunk;
            left -= 1;
            if (left >= 0) throw new StorageUnavailableError({ storage: "x", detail: "reset" });
          }
        })();
      },
    });
    const copy = pair.copy({ recorded: RECORDED }, { from });
    if (failures === 2) expect(await copy).toBe("copied");
    else await expect(copy).rejects.toMatchObject({ code: "storage" });
    const warnings = pair.logged.lines.filter((line) => line.startsWith("warning"));
    expect(warnings.length).toBe(Math.min(failures, 3));
    expect(await keysOf(pair.to)).toEqual(failures === 2 ? [KEY] : []);
  }
});

test("a target that fails is not tried again here: its driver does that", async () => {
  const pair = new Pair();
  await put(pair.from, CONTENT);
  let calls = 0;
  const to = alteredDriver(pair.to, {
    async put(): Promise<ObjectInfo> {
      calls += 1;
      throw new StorageUnavailableError({ storage: "x" });
    },
  });
  await expect(pair.copy({ recorded: undefined }, { to })).rejects.toMatchObject({
    code: "storage",
  });
  expect(calls).toBe(1);
});
