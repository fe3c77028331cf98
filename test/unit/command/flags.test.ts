// Proves that the list of flags holds every name of every setting that has an effect, and that the
// flags that it lists are accepted.
import { expect, test } from "vitest";
import { parseFlags } from "../../../src/cli/flags.ts";
import { run } from "../../../src/command/flags.ts";
import { FLAGS_SPEC } from "../../../src/command/specs/general.ts";
import { testInvocation } from "../../support/invocation.ts";

test("lists flags that are accepted, with help on the first of each setting", async () => {
  const invocation = testInvocation(FLAGS_SPEC);
  await run(invocation);
  const lines = invocation.stdout().trimEnd().split("\n");
  expect(lines).toContain("--walg-s3-prefix");
  expect(lines).toContain("--pghost");
  expect(lines).toContain("--tidemark-s3-prefix  Bucket and path of the repository");
  expect(lines.some((line) => line.includes("gomaxprocs"))).toBe(false);
  for (const line of lines) {
    const [flag = ""] = line.split(" ");
    expect(parseFlags([flag, "x"], []).settings).toHaveLength(1);
  }
});
