// Proves that secrets leave no trace in a text, in the forms in which they may appear there.
import { expect, test } from "vitest";
import { createScrubber } from "../../../src/cli/scrubber.ts";
import { MASK } from "../../../src/config/value.ts";

test("takes out every occurrence, also percent-encoded", () => {
  const scrub = createScrubber(["p@ss/word"]);
  expect(scrub("p@ss/word then p%40ss%2Fword and p@ss/word")).toBe(
    `${MASK} then ${MASK} and ${MASK}`,
  );
});

test("takes out the lines of a secret of several lines, also with literal \\n", () => {
  const scrub = createScrubber(["BEGIN KEY\nabcdef\nEND KEY", "12345678\\n87654321"]);
  expect(scrub("at abcdef, 87654321")).toBe(`at ${MASK}, ${MASK}`);
});

test("takes the longer of two secrets that begin alike whole", () => {
  expect(createScrubber(["secret", "secret-and-more"])("secret-and-more")).toBe(MASK);
});

test("leaves very short values alone, as they are parts of any text", () => {
  expect(createScrubber(["a", "", "abc"])("a abc b")).toBe("a abc b");
});

test("takes passwords out of addresses", () => {
  expect(createScrubber([])("GET https://user:pw@host:9000/path failed")).toBe(
    `GET https://user:${MASK}@host:9000/path failed`,
  );
  expect(createScrubber([])("http://host:80/a and b@c")).toBe("http://host:80/a and b@c");
});
