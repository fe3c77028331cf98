// The read-ahead never serves a file of another cluster, timeline or position, and goes on across
// a switch of timelines; run with the compiled binary on real segments.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "middle");
const next = goldenSegment(17, "switched");
const AHEAD = { settings: { WALG_DOWNLOAD_CONCURRENCY: "4" } };

async function waitFor(claim: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!claim()) {
    if (performance.now() > endMs) throw new Error(`not in time: ${claim}`);
    await Bun.sleep(10);
  }
}

/** Stores two segments, fetches the first, and waits until the second is read ahead. */
async function withReadAhead(): Promise<{ archive: WalArchive; ahead: string } & Disposable> {
  const archive = new WalArchive("g19");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  archive.ready(next.name, next.bytes);
  expect((await archive.push(golden.name)).exitCode).toBe(0);
  expect((await archive.fetch(golden.name, AHEAD)).exitCode).toBe(0);
  archive.takeFetched();
  const ahead = join(archive.walDir, ".wal-g", "prefetch", next.name);
  await waitFor(() => existsSync(ahead));
  return { archive, ahead, [Symbol.dispose]: () => archive[Symbol.dispose]() };
}

test("G19 a file that was read ahead is served, and only once", async () => {
  using scene = await withReadAhead();
  const { archive, ahead } = scene;
  const result = await archive.fetch(next.name, AHEAD);
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain("taken from the read-ahead");
  expect(archive.takeFetched()?.equals(next.bytes)).toBe(true);
  expect(existsSync(ahead)).toBe(false);
});

test.each([
  ["another timeline", (view: DataView) => view.setUint32(4, 7, true)],
  ["another cluster", (view: DataView) => view.setBigUint64(24, 1n, true)],
  ["another position", (view: DataView) => view.setBigUint64(8, 0n, true)],
])("G19 a file of %s is not served, the archive's is", async (_, change) => {
  using scene = await withReadAhead();
  const { archive, ahead } = scene;
  const bytes = next.bytes.slice();
  change(new DataView(bytes.buffer));
  archive.write(ahead.slice(archive.dataDir.length + 1), bytes);
  const result = await archive.fetch(next.name, AHEAD);
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toContain("read-ahead file is not used");
  expect(archive.takeFetched()?.equals(next.bytes)).toBe(true);
});

test("G19 after a switch of timelines the old one's files go and the new one's come", async () => {
  using scene = await withReadAhead();
  const { archive } = scene;
  const onTwo = (name: string) => `00000002${name.slice(8)}`;
  // A new timeline begins with the old one's pages.
  archive.tamper(onTwo(golden.name), golden.bytes);
  archive.tamper(onTwo(next.name), next.bytes);
  expect((await archive.fetch(onTwo(golden.name), AHEAD)).exitCode).toBe(0);
  expect(archive.takeFetched()?.equals(golden.bytes)).toBe(true);
  const directory = join(archive.walDir, ".wal-g", "prefetch");
  await waitFor(() => existsSync(join(directory, onTwo(next.name))));
  expect(readdirSync(directory)).not.toContain(next.name);
  expect((await archive.fetch(onTwo(next.name), AHEAD)).exitCode).toBe(0);
});
