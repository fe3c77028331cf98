// The list keeps each block once, in the order of first mention, compared with a Set over many
// random locations; and each limit unless a lower one is known.
import { expect, test } from "vitest";
import { DeltaMapList } from "../../../src/delta/delta-map-list.ts";
import { seededRandom } from "../../support/random.ts";

function rows(words: Uint32Array): string[] {
  return Array.from({ length: words.length / 4 }, (_, index) =>
    words.subarray(4 * index, 4 * index + 4).join("/"),
  );
}

test("keeps each block once, in order", () => {
  const random = seededRandom(7);
  const list = new DeltaMapList();
  const expected = new Set<string>();
  for (let count = 0; count < 50_000; count += 1) {
    const tablespace = random.pick([1663, 1700, 4_294_967_295]);
    const relation = 16384 + random.below(3);
    const block = random.pick([random.below(6000), 4_294_967_294]);
    list.block(tablespace, 5, relation, block);
    expected.add(`${tablespace}/5/${relation}/${block}`);
  }
  expect(expected.size).toBeGreaterThan(5000);
  expect(rows(list.blocks)).toEqual([...expected]);
  expect(list.limits.length).toBe(0);
});

test("keeps a limit unless a lower one is known", () => {
  const list = new DeltaMapList();
  for (const block of [50, 60, 50, 40]) list.from(1663, 5, 16384, block);
  list.from(1663, 5, 0, 0);
  expect(rows(list.limits)).toEqual(["1663/5/16384/50", "1663/5/16384/40", "1663/5/0/0"]);
  expect(list.blocks.length).toBe(0);
  const everything = new DeltaMapList();
  everything.from(0, 0, 0, 0);
  expect(rows(everything.limits)).toEqual(["0/0/0/0"]);
});
