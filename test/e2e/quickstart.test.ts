// Proves the README's first command: it ends well, within its two minutes, shows the rows that came
// back, and leaves nothing behind.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runToEnd } from "../support/run-as.ts";
import { scratchRoot } from "../support/scratch.ts";

const PROJECT_DIR = join(import.meta.dirname, "../..");
const LIMIT_MS = 120_000;

test("the quickstart loses a database and brings it back", {
  timeout: LIMIT_MS + 20_000,
}, async () => {
  const home = process.env["HOME"] ?? "/";
  const startedAt = performance.now();
  const { exitCode, stdout, stderr } = await runToEnd(
    [process.execPath, "run", "scripts/quickstart.ts"],
    { cwd: PROJECT_DIR, env: { HOME: home }, timeoutMs: LIMIT_MS },
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  expect(stdout).toContain("orders left: 0");
  const [before, after] = ["before the mistake", "after the restore "].map((label) =>
    new RegExp(`${label}: (.*)\\n +(.*)`).exec(stdout)?.slice(1),
  );
  expect(before?.[0]).toMatch(/^200000 accounts, balance [1-9]\d+$/);
  expect(before?.[1]).toMatch(/^1001 orders \(MD5 [0-9a-f]{8}\), "the last order"$/);
  expect(after).toEqual(before);
  const dataDir = /backup-push (\S+)/.exec(stdout)?.[1] ?? "";
  expect(dataDir).not.toBe("");
  expect(existsSync(dataDir)).toBe(false);
  const repository = /repository: file:\/\/(\S+)/.exec(stdout)?.[1] ?? "";
  expect(existsSync(repository)).toBe(false);
  expect(readdirSync(scratchRoot()).filter((name) => name.startsWith("quickstart-"))).toEqual([]);
});
