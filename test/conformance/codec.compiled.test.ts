// Proves that every codec and cipher engine works inside a compiled executable that stands alone
// and finds no directory to write to: it runs with an empty one as its own and no /tmp of use.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildBinary, hostTarget } from "../../scripts/build.ts";
import { PROBE_LINES } from "./codec.probe.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-codecs-"));
const executable = join(folder, "probe");

beforeAll(() =>
  buildBinary({
    target: hostTarget(),
    outfile: executable,
    entry: join(import.meta.dirname, "codec.probe.ts"),
  }),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every codec and cipher works in a compiled executable", () => {
  const nowhere = "/proc/tidemark-nowhere";
  const { stdout, stderr, exitCode } = Bun.spawnSync([executable], {
    cwd: "/proc",
    env: { HOME: nowhere, TMPDIR: nowhere, BUN_TMPDIR: nowhere },
  });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  expect(stdout.toString().trim().split("\n")).toEqual(PROBE_LINES);
});
