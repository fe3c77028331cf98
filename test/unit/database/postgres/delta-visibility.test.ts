// A delta of a server that logs no hints: where bits of the visibility map were set, pages that
// all see are stored whatever their LSN; real files, against a parent's list.
import { expect, test } from "vitest";
import { ScanBuffers } from "../../../../src/database/postgres/file-scan.ts";
import { blocksOf, Chain, outcome, TABLE, table } from "../../../support/delta-chain.ts";
import { joinedPages, madePage } from "../../../support/pages.ts";

const MAP = `${TABLE}_vm`;
const ALL = Array.from({ length: 20 }, (_, block) => block);

async function blocks(chain: Chain, hasSilentChanges: boolean) {
  const planner = chain.planner({ hasSilentChanges });
  const result = await outcome(await planner.plan(chain.entry(TABLE), new ScanBuffers()));
  return result === "unchanged" ? result : blocksOf(result);
}

async function chainOf(): Promise<Chain> {
  const chain = new Chain();
  const pages = table(40);
  // Of half of the pages somebody may not see all rows.
  for (let block = 20; block < 40; block += 1) pages[block * 8192 + 10] = 0;
  chain.write(TABLE, pages);
  await chain.full(TABLE);
  return chain;
}

test("a map with newer pages brings the pages that all see, where hints leave no LSN", async () => {
  using chain = await chainOf();
  expect(await blocks(chain, true)).toBe("unchanged");
  chain.write(MAP, joinedPages([madePage(99n, 1), madePage(99n, 1)]));
  expect(await blocks(chain, true)).toBe("unchanged");
  chain.write(MAP, joinedPages([madePage(99n, 1), madePage(100n, 1)]));
  expect(await blocks(chain, true)).toEqual(ALL);
  expect(await blocks(chain, false)).toBe("unchanged");
});

test("a map whose pages say nothing counts as newer", async () => {
  using chain = await chainOf();
  chain.write(MAP, new Uint8Array(8192));
  expect(await blocks(chain, true)).toEqual(ALL);
  chain.write(MAP, madePage(0n, 1));
  expect(await blocks(chain, true)).toEqual(ALL);
});

test("the map of a relation is that of its further segments too", async () => {
  using chain = new Chain();
  const segment = `${TABLE}.1`;
  chain.write(segment, joinedPages([madePage(2n), madePage(2n), madePage(2n)]));
  await chain.full(segment);
  chain.write(MAP, madePage(100n, 1));
  const planner = chain.planner({ hasSilentChanges: true });
  const plan = await planner.plan(chain.entry(segment), new ScanBuffers());
  // Three of three pages: whole is smaller than an increment of them.
  expect(plan?.kind).toBe("whole");
  if (plan !== undefined && plan.kind !== "unchanged") plan.close();
});
