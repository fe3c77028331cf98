// Proves that the lock file installs by itself: a frozen install in an empty folder, with
// an empty cache, from whichever registry is configured, gives the versions that it names.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyAddresses, findAddresses } from "../../scripts/lockfile.ts";

const ROOT = join(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-lockfile-"));
  for (const name of ["package.json", "bun.lockb", "bunfig.toml"]) {
    copyFileSync(join(ROOT, name), join(folder, name));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function install(...args: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(
    [process.execPath, "install", "--ignore-scripts", ...args],
    { cwd: folder, env: { ...process.env, BUN_INSTALL_CACHE_DIR: join(folder, "cache") } },
  );
  expect(exitCode, stderr.toString()).toBe(0);
}

test("a frozen install works without addresses and does not write any", () => {
  install("--frozen-lockfile", "--production");
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const [name, version] of Object.entries(dependencies)) {
    const file = join(folder, "node_modules", name, "package.json");
    expect(JSON.parse(readFileSync(file, "utf8")).version, name).toBe(version);
  }
  const after = readFileSync(join(folder, "bun.lockb"));
  expect(after).toEqual(readFileSync(join(ROOT, "bun.lockb")));
});

test("a lock file fresh from an install loses its addresses and stays valid", () => {
  const path = join(folder, "bun.lockb");
  rmSync(path);
  install("--lockfile-only");
  const fresh = readFileSync(path);
  expect(findAddresses(fresh).length).toBeGreaterThan(10);
  const script = join(ROOT, "scripts/lockfile.ts");
  const { exitCode } = Bun.spawnSync([process.execPath, script, path], { cwd: folder });
  expect(exitCode).toBe(0);
  expect(readFileSync(path)).toEqual(emptyAddresses(fresh));
  rmSync(join(folder, "node_modules"), { recursive: true, force: true });
  install("--frozen-lockfile", "--production");
});
