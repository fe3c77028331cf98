// What a service answers in XML is read as it was written; broken documents and listings are read
// or refused by one kind of error, and never end the program. The seed is in the titles.
import { expect, test } from "vitest";
import { toListPage } from "../../src/storage/s3/sdk-listing.ts";
import { ConnectionError } from "../../src/storage/service/errors.ts";
import { xmlText } from "../../src/storage/service/xml.ts";
import { fuzzSeed, type Random, seededRandom } from "../support/random.ts";

const SEED = fuzzSeed();
const ROUNDS = Number(process.env["FUZZ_ROUNDS"] ?? 150) * 20;
const LETTERS = [..."abc <>&\"'é\u{1f600}\n;#x/+%20"];
const SCRAPS = [
  ..."<>&;#/=x09%",
  "&#",
  "&#x",
  "110000;",
  "&#x110000;",
  "&#99999999999;",
  "</Code>",
].concat("%ff", "%E9", "%");

function randomText(random: Random): string {
  return Array.from({ length: random.below(20) }, () => random.pick(LETTERS)).join("");
}

function escaped(random: Random, text: string): string {
  const named: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;" };
  return [...text]
    .map((letter) => {
      if (named[letter] !== undefined) return named[letter];
      const code = letter.codePointAt(0) ?? 0;
      return random.pick([letter, letter, `&#${code};`, `&#x${code.toString(16)};`]);
    })
    .join("");
}

function mutated(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(SCRAPS) + text.slice(at + random.below(3));
}

test(`the text of an element comes back, and no document is fatal (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = randomText(random);
    const document = `<?xml version="1.0"?><Error><Code>${escaped(random, text)}</Code></Error>`;
    expect(xmlText(document, "Code")).toBe(text);
    const found = xmlText(mutated(random, mutated(random, document)), "Code");
    expect(found === undefined || typeof found === "string").toBe(true);
  }
});

test(`a listing gives its names, and a broken one is no listing (seed ${SEED})`, () => {
  const random = seededRandom(SEED + 1);
  for (let round = 0; round < ROUNDS; round += 1) {
    const names = Array.from({ length: 1 + random.below(4) }, () => randomText(random));
    const page = (keys: readonly string[]) => ({
      IsTruncated: false,
      EncodingType: "url",
      Contents: keys.map((Key) => ({ Key, Size: 1, LastModified: new Date(0) })),
    });
    const encoded = names.map(encodeURIComponent);
    expect(toListPage(page(encoded), undefined).objects.map(({ name }) => name)).toEqual(names);
    try {
      toListPage(page(encoded.map((name) => mutated(random, name))), undefined);
    } catch (error) {
      expect(error).toBeInstanceOf(ConnectionError);
    }
  }
});
