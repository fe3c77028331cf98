// Proves what progress shows, how often, and that it is a bar only on a terminal; on a clock that
// the test moves.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Clock } from "../../../src/base/clock.ts";
import { LogWriter, openLogDestination } from "../../../src/cli/log-writer.ts";
import {
  barText,
  formatBytes,
  formatSeconds,
  lineText,
  SILENT_PROGRESS,
  startProgress,
} from "../../../src/cli/progress.ts";

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "tidemark-progress-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function started(name: string, isTerminal: boolean, totalBytes: number | undefined) {
  const time = { ms: 0 };
  const clock: Clock = {
    now: () => new Date(Date.UTC(2026, 10, 24, 10) + time.ms),
    monotonicMs: () => time.ms,
    sleep: () => Promise.resolve(),
  };
  const path = join(folder, name);
  const writer = new LogWriter({
    format: "text",
    descriptor: openLogDestination(path, 2),
    scrub: (text) => text,
    now: clock.now,
    zoneOffset: () => 0,
  });
  const progress = startProgress({ label: "push", totalBytes, clock, writer, isTerminal });
  return { time, progress, shown: () => readFileSync(path, "utf8") };
}

test("shows share, rate and time left", () => {
  const state = { label: "push", totalBytes: 100 * MIB, doneBytes: 25 * MIB, elapsedMs: 5000 };
  expect(barText(state)).toBe(
    "push [####------------]  25% 25.0 MiB of 100.0 MiB, 5.0 MiB/s, 15s left",
  );
  expect(lineText(state)).toBe("push:  25% 25.0 MiB of 100.0 MiB, 5.0 MiB/s, 15s left");
});

test("shows neither share nor time left without a total, and never more than all of it", () => {
  const state = { label: "push", totalBytes: undefined, doneBytes: 25 * MIB, elapsedMs: 5000 };
  expect(barText(state)).toBe("push: 25.0 MiB, 5.0 MiB/s");
  expect(lineText({ ...state, totalBytes: 20 * MIB })).toBe(
    "push: 100% 25.0 MiB of 25.0 MiB, 5.0 MiB/s, 0s left",
  );
  expect(lineText({ ...state, totalBytes: 0 })).toBe(
    "push: 100% 25.0 MiB of 25.0 MiB, 5.0 MiB/s, 0s left",
  );
  expect(lineText({ ...state, totalBytes: 0, doneBytes: 0 })).toBe("push: 0 B, 0 B/s");
  expect(lineText({ ...state, elapsedMs: 0 })).toBe("push: 25.0 MiB, 0 B/s");
});

test("prints a line every ten seconds and one at the end", () => {
  const { time, progress, shown } = started("lines", false, 100 * MIB);
  for (let second = 1; second <= 25; second++) {
    time.ms = second * 1000;
    progress.advance(MIB);
  }
  progress.finish();
  const lines = shown().trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe(
    "INFO: 2026/11/24 10:00:10.000000 push:  10% 10.0 MiB of 100.0 MiB, 1.0 MiB/s, 1m30s left",
  );
  expect(lines[2]).toContain(" 25% ");
});

test("draws a bar over itself on a terminal and ends the line", () => {
  const { time, progress, shown } = started("bar", true, 10 * MIB);
  for (let step = 1; step <= 10; step++) {
    time.ms = step * 100;
    progress.advance(MIB);
  }
  progress.finish();
  expect(shown().split("\r")).toHaveLength(7);
  expect(shown().startsWith("\rpush [")).toBe(true);
  expect(shown().endsWith("\u001b[K\n")).toBe(true);
  expect(shown()).not.toContain("INFO");
});

test("can be silent", () => {
  expect(() => {
    SILENT_PROGRESS.advance(1);
    SILENT_PROGRESS.finish();
  }).not.toThrow();
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536 * MIB, "1.5 GiB"],
  [2 ** 60, "1024.0 PiB"],
])("writes %i bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0.2, "1s"],
  [59, "59s"],
  [60, "1m0s"],
  [3661, "1h1m"],
])("writes %d seconds as %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});

test("tells a terminal from a pipe", () => {
  const module = join(import.meta.dirname, "../../../src/cli/progress.ts");
  const source = `import { isTerminal } from "${module}"; console.log(isTerminal(2));`;
  const path = join(folder, "ask.ts");
  writeFileSync(path, source);
  const command = `${process.execPath} ${path}`;
  const onTerminal = Bun.spawnSync(["script", "-qec", command, "/dev/null"], { stderr: "pipe" });
  expect(onTerminal.stdout.toString()).toContain("true");
  const onPipe = Bun.spawnSync(["sh", "-c", command], { stderr: "pipe" });
  expect(onPipe.stdout.toString()).toContain("false");
});
