// Proves how settings and flags decide level, form and destination of the log.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { SILENT_PROGRESS } from "../../../src/cli/progress.ts";
import { RunLog } from "../../../src/cli/run-log.ts";
import { loadSettings, readOutsideSettings } from "../../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-run-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function logOf(environment: Record<string, string>, isQuiet = false, isJson = false): RunLog {
  const outside = readOutsideSettings({
    environment,
    configPath: undefined,
    home: () => undefined,
  });
  const { settings } = loadSettings({ outside, flags: [], isWalg: false, isStrict: false });
  return RunLog.of(settings, { clock: SYSTEM_CLOCK, zone: "UTC", stderr: 2, isJson, isQuiet });
}

test.each([
  [{}, false, "info"],
  [{ WALG_LOG_LEVEL: "NORMAL" }, true, "warning"],
  [{ WALG_LOG_LEVEL: "DEVEL" }, false, "debug"],
  [{ WALG_LOG_LEVEL: "ERROR" }, false, "error"],
  [{ WALG_LOG_LEVEL: "ERROR" }, true, "error"],
])("with %j and quiet %s logs at %s", (environment, isQuiet, level) => {
  expect(logOf(environment, isQuiet).level).toBe(level);
});

test("writes JSON by flag or by setting, to the file that is named, without secrets", () => {
  const path = join(folder, "a.log");
  const environment = { WALG_LOG_DESTINATION: path, PGPASSWORD: "hush-hush" };
  logOf(environment, false, true).logger.info("one hush-hush");
  logOf({ ...environment, TIDEMARK_LOG_FORMAT: "json" }).logger.info("two");
  logOf(environment).logger.info("three");
  const [one = "", two = "", three = ""] = readFileSync(path, "utf8").split("\n");
  expect(JSON.parse(one)).toMatchObject({ level: "info", message: "one --HIDDEN--" });
  expect(JSON.parse(two)).toMatchObject({ message: "two" });
  expect(three).toMatch(/^INFO: .* three$/);
});

test("takes out secrets that came later, besides those that it knew", () => {
  const path = join(folder, "b.log");
  const log = logOf({ WALG_LOG_DESTINATION: path, PGPASSWORD: "hush-hush" });
  log.conceal(["tell-nobody"]);
  log.conceal(["nor-this"]);
  log.logger.info("a hush-hush, a tell-nobody, a nor-this");
  expect(readFileSync(path, "utf8")).toMatch(/a --HIDDEN--, a --HIDDEN--, a --HIDDEN--$/m);
  expect(log.scrub("tell-nobody")).toBe("--HIDDEN--");
});

test("shows no progress when only warnings and errors are wanted", () => {
  expect(logOf({}, true).progress("x", 1)).toBe(SILENT_PROGRESS);
  expect(logOf({ WALG_LOG_LEVEL: "ERROR" }).progress("x", 1)).toBe(SILENT_PROGRESS);
  expect(logOf({}).progress("x", 1)).not.toBe(SILENT_PROGRESS);
});

test("starts on stderr before the settings are known", () => {
  const log = RunLog.plain({ clock: SYSTEM_CLOCK, zone: undefined, stderr: 7, isJson: true });
  expect(log.isOnStderr && log.isJson).toBe(true);
  expect(log.writer.descriptor).toBe(7);
});
