// Proves the form of log lines, byte for byte, and that secrets and closed pipes do no harm.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { jsonLine, LogWriter, openLogDestination, textLine } from "../../../src/cli/log-writer.ts";
import { createScrubber } from "../../../src/cli/scrubber.ts";

const NOW = new Date("2026-11-24T10:00:00.123Z");
const folder = mkdtempSync(join(tmpdir(), "tidemark-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writer(name: string, format: "text" | "json"): { path: string; log: LogWriter } {
  const path = join(folder, name);
  const log = new LogWriter({
    format,
    descriptor: openLogDestination(path, 2),
    scrub: createScrubber(["hush-hush"]),
    now: () => NOW,
    zoneOffset: () => 3600,
  });
  return { path, log };
}

test("writes WAL-G's lines in local time", () => {
  expect(textLine(NOW, "info", "message", {}, 0)).toBe(
    "INFO: 2026/11/24 10:00:00.123000 message\n",
  );
  expect(textLine(NOW, "warning", "m", { size: 5n, name: "x", none: undefined }, 19_800)).toBe(
    "WARNING: 2026/11/24 15:30:00.123000 m size=5 name=x\n",
  );
  expect(textLine(NOW, "error", "m", {}, -12_600)).toMatch(/^ERROR: 2026\/11\/24 06:30:00/);
});

test("writes JSON lines in UTC, large numbers as text", () => {
  const line = jsonLine(NOW, "info", "m", { lsn: 9007199254740993n, count: 2 });
  expect(JSON.parse(line)).toEqual({
    time: "2026-11-24T10:00:00.123Z",
    level: "info",
    message: "m",
    lsn: "9007199254740993",
    count: 2,
  });
  expect(line.endsWith("}\n")).toBe(true);
});

test("appends to a file, at and above its level, without secrets", () => {
  const { path, log } = writer("a.log", "text");
  const logger = log.logger("warning");
  logger.info("not wanted");
  logger.warning("with hush-hush", { fact: "hush-hush" });
  logger.error("bad");
  expect(readFileSync(path, "utf8")).toBe(
    "WARNING: 2026/11/24 11:00:00.123000 with --HIDDEN-- fact=--HIDDEN--\n" +
      "ERROR: 2026/11/24 11:00:00.123000 bad\n",
  );
  const again = writer("a.log", "json");
  again.log.line("hint", "hush-hush");
  expect(readFileSync(path, "utf8").split("\n")[2]).toBe(
    '{"time":"2026-11-24T10:00:00.123Z","level":"hint","message":"--HIDDEN--"}',
  );
});

test("keeps a bar below the lines that come while it is shown", () => {
  const { path, log } = writer("bar.log", "text");
  log.bar("[##--]");
  log.line("info", "one");
  log.bar("[###-]");
  log.endBar();
  log.endBar();
  log.line("info", "two");
  const time = "2026/11/24 11:00:00.123000";
  expect(readFileSync(path, "utf8")).toBe(
    `\r[##--]\x1b[K\r\x1b[KINFO: ${time} one\n[##--]\r[###-]\x1b[K\nINFO: ${time} two\n`,
  );
});

test("goes on when nobody can read", () => {
  const closed = new LogWriter({
    format: "text",
    descriptor: 1_000_000,
    scrub: (text) => text,
    now: () => NOW,
    zoneOffset: () => 0,
  });
  expect(() => closed.line("info", "x")).not.toThrow();
});

test("knows stderr, and refuses a destination that cannot be opened", () => {
  expect(openLogDestination("stderr", 2)).toBe(2);
  expect(() => openLogDestination(join(folder, "no/such/folder.log"), 2)).toThrow(
    "cannot be opened",
  );
});
