// The lock of a file is exclusive between descriptors and free again after disposal.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryLockFile } from "../../../src/base/file-lock.ts";

test("gives the lock to one holder at a time", async () => {
  const directory = mkdtempSync(join(tmpdir(), "file-lock-"));
  try {
    const path = join(directory, "lock");
    const first = await tryLockFile(path);
    expect(first).toBeDefined();
    expect(await tryLockFile(path)).toBeUndefined();
    expect(first?.isInPlace()).toBe(true);
    first?.[Symbol.dispose]();
    using second = await tryLockFile(path);
    expect(second).toBeDefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("knows when its file was removed or replaced", async () => {
  const directory = mkdtempSync(join(tmpdir(), "file-lock-"));
  try {
    const path = join(directory, "lock");
    using lock = await tryLockFile(path);
    rmSync(path);
    expect(lock?.isInPlace()).toBe(false);
    using other = await tryLockFile(path);
    expect(other?.isInPlace()).toBe(true);
    expect(lock?.isInPlace()).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("ends with the process that held it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "file-lock-"));
  try {
    const path = join(directory, "lock");
    const module = join(import.meta.dirname, "../../../src/base/file-lock.ts");
    const code = `import { tryLockFile } from ${JSON.stringify(module)};
      globalThis.lock = await tryLockFile(${JSON.stringify(path)});
      console.log(globalThis.lock === undefined ? "none" : "held");
      await Bun.sleep(60_000);`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("held\n");
    expect(await tryLockFile(path)).toBeUndefined();
    child.kill("SIGKILL");
    await child.exited;
    using lock = await tryLockFile(path);
    expect(lock).toBeDefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
