// Proves that two listings come side by side, each key once and in order, as sorting both would
// give, by random sets of keys; and that stopping early ends both listings.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { compareKeys } from "../../../src/storage/key-order.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { pairedListing } from "../../../src/transfer/paired-listing.ts";
import { alteredDriver } from "../../support/altered-driver.ts";
import { seededRandom } from "../../support/random.ts";

const { signal } = new AbortController();

async function driverWith(keys: Iterable<string>): Promise<MemoryDriver> {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  for (const key of keys) {
    await driver.put(toObjectKey(key), bytesSource(key), { ifAbsent: true, signal });
  }
  return driver;
}

test("pairs what both have and keeps the order, whatever is where", async () => {
  const random = seededRandom(5);
  for (let run = 0; run < 50; run++) {
    const pick = () => {
      const names = ["a", "a-b", "a/b", "a/b_c", "a0", "é", "z/1", "z/2"];
      return new Set(names.filter(() => random.below(2) === 0).map((name) => `x/${name}`));
    };
    const [left, right] = [pick(), pick()];
    const seen: string[] = [];
    const [source, target] = [await driverWith(left), await driverWith(right)];
    for await (const pair of pairedListing(source, target, { prefix: "x/", signal })) {
      const key = pair.source?.key ?? pair.target?.key ?? "";
      expect([pair.source?.key, pair.target?.key]).toEqual([
        left.has(key) ? key : undefined,
        right.has(key) ? key : undefined,
      ]);
      seen.push(key);
    }
    expect(seen).toEqual([...new Set([...left, ...right])].sort(compareKeys));
  }
});

test("begins past a key and ends both listings when nobody wants more", async () => {
  const ended: string[] = [];
  const listed = (name: string, driver: MemoryDriver) =>
    alteredDriver(driver, {
      async *list(...args: Parameters<MemoryDriver["list"]>) {
        try {
          yield* driver.list(...args);
        } finally {
          ended.push(name);
        }
      },
    });
  const source = listed("source", await driverWith(["p/1", "p/2", "p/3"]));
  const target = listed("target", await driverWith(["p/2", "p/3"]));
  const after = toObjectKey("p/1");
  for await (const pair of pairedListing(source, target, { prefix: "p/", after, signal })) {
    expect(pair.source?.key as string).toBe("p/2");
    break;
  }
  expect(ended).toEqual(["source", "target"]);
});
