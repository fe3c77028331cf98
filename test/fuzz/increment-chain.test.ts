// Random histories of a file (changes, growth, truncation, new pages) as a chain of increments give
// back the last state, whatever the pieces; a forgotten page would differ. The seed is in the
// title.
import { expect, test } from "vitest";
import { IncrementApplier, type IncrementTarget } from "../../src/delta/increment-apply.ts";
import { IncrementWriter } from "../../src/delta/increment-writer.ts";
import { toLsn } from "../../src/delta/lsn.ts";
import { PageScan } from "../../src/delta/page-scan.ts";
import { cutAtRandom } from "../support/mutation.ts";
import { joinedPages, madePage } from "../support/pages.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 60);
const PAGE = 8192;
const PAGES_MAX = 120;

/** The file as a restore has it. */
class Restored implements IncrementTarget {
  content: Uint8Array;

  constructor(content: Uint8Array) {
    this.content = content.slice();
  }

  begin({ fileBytes }: { readonly fileBytes: number }): void {
    this.truncate(fileBytes);
  }

  truncate(sizeBytes: number): void {
    const resized = new Uint8Array(sizeBytes);
    resized.set(this.content.subarray(0, sizeBytes));
    this.content = resized;
  }

  writeAt(bytes: Uint8Array, position: number): void {
    this.content.set(bytes, position);
  }
}

/** What a server does to the pages at one LSN. */
function changed(random: Random, pages: readonly Uint8Array[], lsn: bigint): Uint8Array[] {
  const next = pages.slice(0, random.below(3) === 0 ? random.below(pages.length + 1) : undefined);
  for (let left = random.below(20); left > 0; left -= 1) {
    if (next.length === 0) break;
    const page = madePage(lsn + BigInt(random.below(5)), random.below(256));
    next[random.below(next.length)] = page;
  }
  for (let left = random.below(12); left > 0 && next.length < PAGES_MAX; left -= 1) {
    next.push(random.below(4) === 0 ? new Uint8Array(PAGE) : madePage(lsn, random.below(256)));
  }
  return next;
}

async function increment(random: Random, file: Uint8Array, since: bigint): Promise<Uint8Array> {
  const scan = new PageScan(toLsn(since), undefined);
  for (let block = 0; block * PAGE < file.byteLength; ) {
    const count = 1 + random.below(40);
    expect(scan.push(file.subarray(block * PAGE, (block + count) * PAGE), block)).toBe(true);
    block += count;
  }
  const writer = new IncrementWriter({
    fileBytes: file.byteLength,
    blocks: scan.blocks,
    readPages: (target, block) => {
      const piece = file.subarray(block * PAGE, block * PAGE + target.byteLength);
      target.set(piece);
      return piece.byteLength;
    },
  });
  const chunks: Uint8Array[] = [];
  for (;;) {
    const target = new Uint8Array(1 + random.below(50_000));
    const bytes = await writer.read(target);
    if (bytes === 0) break;
    chunks.push(target.subarray(0, bytes));
  }
  const content = new Uint8Array(Buffer.concat(chunks));
  expect(content.byteLength).toBe(writer.sizeBytes);
  return content;
}

test(`a chain of increments gives back the file (seed ${SEED})`, async () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    let lsn = random.bits64() >> BigInt(1 + random.below(60));
    let pages: Uint8Array[] = [];
    pages = changed(random, pages, (lsn += 10n));
    const restored = new Restored(joinedPages(pages));
    for (let step = random.below(6); step > 0; step -= 1) {
      const since = (lsn += 10n);
      // Several changes between two backups; pages of before are older than the limit.
      for (let times = 1 + random.below(3); times > 0; times -= 1) {
        pages = changed(random, pages, lsn);
        lsn += 10n;
      }
      const file = joinedPages(pages);
      const bytes = await increment(random, file, since);
      const applier = new IncrementApplier(restored, { isOriole: false, what: "base/1/2" });
      for (const piece of cutAtRandom(random, bytes, 30_000)) applier.push(piece);
      applier.finish();
      expect(Buffer.compare(restored.content, file)).toBe(0);
    }
  }
});
