// Proves with seeded random texts that our JSON parser takes and refuses what JSON.parse does, that
// the streaming reader agrees with it, and that printing and parsing are inverse to each other.
import { expect, test } from "vitest";
import { CorruptObjectError } from "../../src/base/errors.ts";
import { isJsonObject, type JsonValue, parseJson, printJson } from "../../src/base/json.ts";
import { type JsonMember, readJsonMembers } from "../../src/stream/json-members.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const ROUNDS = 3000;
const TEXTS = ["", "a", 'q"\\', "é\u{1f600}", "\n\t", "<&>\u2028", "{}", "[],:", "__proto__x"];
const SCRAPS = [...'{}[],:"\\ \n0123456789.eE+-truefalsn\u0001é', "\\u00", "null", '"a":'];

function randomValue(random: Random, depth: number): JsonValue {
  switch (random.below(depth > 3 ? 5 : 7)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
      return (random.below(2 ** 31) - 2 ** 30) / random.pick([1, 1, 3, 1024, 1e30]);
    case 3:
      return random.pick([1n, -1n]) * (random.bits64() | (1n << 60n));
    case 4:
      return random.pick(TEXTS) + random.pick(TEXTS);
    case 5:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth + 1));
    default:
      return randomObject(random, depth);
  }
}

function randomObject(random: Random, depth: number): { readonly [key: string]: JsonValue } {
  const entries = Array.from({ length: random.below(5) }, () => {
    return [random.pick(TEXTS) + random.pick(TEXTS), randomValue(random, depth + 1)] as const;
  });
  return Object.fromEntries(entries);
}

function mutated(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const removed = random.below(3);
  const scrap = random.below(4) === 0 ? "" : random.pick(SCRAPS);
  return (text.slice(0, at) + scrap + text.slice(at + removed)).toWellFormed();
}

/** What JSON.parse makes of it, numbers past 2^53 aside; undefined: refused. */
function builtIn(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function ours(text: string): { readonly value: JsonValue } | undefined {
  try {
    return { value: parseJson(text, "x") };
  } catch (error) {
    if (error instanceof CorruptObjectError) return undefined;
    throw error;
  }
}

function withNumbers(value: JsonValue): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => withNumbers(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

test("the parser agrees with JSON.parse on whole and damaged texts", () => {
  const seed = fuzzSeed();
  console.info(`FUZZ_SEED=${seed}`);
  const random = seededRandom(seed);
  for (let round = 0; round < ROUNDS; round += 1) {
    const value = randomValue(random, 0);
    const escaping = random.pick(["go", "plain"] as const);
    const indent = random.pick([undefined, 2]);
    const text = printJson(value, { escaping, indent });
    expect(parseJson(text, "x"), `seed ${seed} round ${round}`).toEqual(value);
    const bad = mutated(random, text);
    const [mine, theirs] = [ours(bad), builtIn(bad)];
    // JSON.parse turns 1e999 into infinity; a backup's document with such a number is damaged.
    if (theirs !== undefined && JSON.stringify(theirs.value).includes("null") && !mine) continue;
    const label = `seed ${seed} round ${round}: ${JSON.stringify(bad)}`;
    expect(mine === undefined, label).toBe(theirs === undefined);
    if (mine !== undefined) expect(withNumbers(mine.value), label).toEqual(theirs?.value);
  }
});

test("the streaming reader agrees with the parser", async () => {
  const seed = fuzzSeed();
  console.info(`FUZZ_SEED=${seed}`);
  const random = seededRandom(seed);
  for (let round = 0; round < ROUNDS / 3; round += 1) {
    const whole = printJson(randomObject(random, 0), { escaping: "plain" });
    const text = random.below(2) === 0 ? whole : mutated(random, whole);
    const members: JsonMember[] = [];
    const bytes = new TextEncoder().encode(text);
    const chunks = (async function* () {
      for (let at = 0; at < bytes.byteLength; ) {
        const end = at + 1 + random.below(9);
        yield bytes.slice(at, end);
        at = end;
      }
    })();
    const error = await readJsonMembers(chunks, "x", (member) => members.push(member)).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const parsed = ours(text);
    const isDocument = parsed !== undefined && isJsonObject(parsed.value);
    const label = `seed ${seed} round ${round}: ${JSON.stringify(text)} ${String(error)}`;
    expect(error === undefined, label).toBe(isDocument);
    if (error !== undefined) expect(error, label).toBeInstanceOf(CorruptObjectError);
    // A changed text may name a section twice, which JSON.parse and a stream see differently.
    if (text === whole && parsed !== undefined) {
      expect(rebuilt(members), label).toEqual(withoutEmpty(parsed.value));
    }
  }
});

function rebuilt(members: readonly JsonMember[]): unknown {
  const document = new Map<string, unknown>();
  for (const { section, key, value } of members) {
    const known = document.get(section);
    const entries = isJsonObject(known) ? Object.entries(known) : [];
    const whole = key === undefined ? value : Object.fromEntries([...entries, [key, value]]);
    document.set(section, whole);
  }
  return Object.fromEntries(document);
}

/** Sections without members leave no trace in the stream. */
function withoutEmpty(value: JsonValue): unknown {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).filter(([, section]) => {
    return !isJsonObject(section) || Object.keys(section).length > 0;
  });
  return Object.fromEntries(entries);
}
