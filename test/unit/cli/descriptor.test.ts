// Proves that all bytes are written, also into a pipe whose reader is slow, by a real pipe.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeAll, writeText } from "../../../src/cli/descriptor.ts";

test("writes text and bytes to a file, whole", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-descriptor-"));
  const path = join(folder, "out");
  const descriptor = openSync(path, "w");
  writeText(descriptor, "é\n");
  writeAll(descriptor, new Uint8Array(300_000).fill(7));
  writeAll(descriptor, new Uint8Array(0));
  closeSync(descriptor);
  const written = readFileSync(path);
  expect(written.subarray(0, 3).toString()).toBe("é\n");
  expect(written.byteLength).toBe(300_003);
  rmSync(folder, { recursive: true });
});

test("waits for a slow reader of a non-blocking pipe", async () => {
  const module = join(import.meta.dirname, "../../../src/cli/descriptor.ts");
  const source = `
    import { writeAll } from ${JSON.stringify(module)};
    process.stdout.write("");
    writeAll(1, new Uint8Array(2_000_000).fill(65));
  `;
  const writer = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  let received = 0;
  for await (const chunk of writer.stdout) {
    received += chunk.byteLength;
    await Bun.sleep(1);
  }
  expect(await writer.exited).toBe(0);
  expect(received).toBe(2_000_000);
});

test("tells a closed descriptor", () => {
  expect(() => writeText(1_000_000, "x")).toThrow("EBADF");
});
