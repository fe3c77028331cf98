// Labels of random places are read as written; changed ones are none, or begin in the same form.
// The seed is in the titles.
import { expect, test } from "vitest";
import { labelStart } from "../../src/database/postgres/restore-label.ts";
import { formatLsn, toLsn } from "../../src/delta/lsn.ts";
import { mutatedBytes } from "../support/mutation.ts";
import { fuzzSeed, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 20;

test(`labels are read as written, and changed ones are none or sound (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  let refusedCount = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = toLsn(random.bits64());
    const file = random.bits64().toString(16).toUpperCase().padStart(24, "0");
    const text =
      `START WAL LOCATION: ${formatLsn(start)} (file ${file})\n` +
      `CHECKPOINT LOCATION: ${formatLsn(start)}\nBACKUP METHOD: streamed\nLABEL: x\n`;
    expect(labelStart(text)).toBe(start);
    const changed = Buffer.from(mutatedBytes(random, Buffer.from(text))).toString("latin1");
    const read = labelStart(changed);
    if (read === undefined) refusedCount += 1;
    else expect(changed.slice(20).split(" ")[0]).toMatch(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);
  }
  expect(refusedCount).toBeGreaterThan(ROUNDS / 2);
});
