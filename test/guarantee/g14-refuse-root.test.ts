// Pushing as root is refused unless allowed; called as wal-g it only warns, as its users expect.
// Run with the compiled binary as root, so it needs to be root itself.
import { expect, test } from "vitest";
import { goldenSegment } from "../support/golden-wal.ts";
import { WalArchive } from "../support/wal-archive.ts";

const golden = goldenSegment(17, "switched");
const isRoot = process.getuid?.() === 0;

// skipped: only a run of the tests as root can call the binary as root.
test.runIf(isRoot)("G14 root is refused, allowed by a setting, and warned as wal-g", async () => {
  using archive = new WalArchive("g14");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const asRoot = { isServer: false };
  const refused = await archive.push(golden.name, asRoot);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain("runs as root");
  expect(archive.stored()).toEqual([]);
  const settings = { TIDEMARK_ALLOW_ROOT: "true" };
  expect((await archive.push(golden.name, { ...asRoot, settings })).exitCode).toBe(0);
  const warned = await archive.push(golden.name, { ...asRoot, name: "wal-g" });
  expect(warned.exitCode).toBe(0);
  expect(warned.stderr).toMatch(/WARNING: .*runs as root/);
});

test("G14 the server's own account is welcome", async () => {
  using archive = new WalArchive("g14");
  archive.identify(golden);
  archive.ready(golden.name, golden.bytes);
  const result = await archive.push(golden.name);
  expect(result).toMatchObject({ exitCode: 0 });
  expect(result.stderr).not.toContain("root");
});
