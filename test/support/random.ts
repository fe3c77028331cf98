/** Seeded chance: the same seed gives the same test. */
export interface Random {
  /** Whole, from 0 to below `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
  /** 64 random bits. */
  bits64(): bigint;
}

/** `FUZZ_SEED` repeats a run; without it each run has a seed of its own. */
export function fuzzSeed(): number {
  const given = process.env["FUZZ_SEED"];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** mulberry32 */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number) => next() % limit;
  return {
    below,
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined && items.length === 0) throw new RangeError("nothing to pick from");
      return item as (typeof items)[number];
    },
    bits64: () => (BigInt(next()) << 32n) | BigInt(next()),
  };
}
