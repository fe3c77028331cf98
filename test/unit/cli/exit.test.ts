// Proves the exit code and the printed form of errors: by table, by WAL-G's name, by the command's
// own rule; and that only bugs show a stack.
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import {
  CanceledError,
  ERROR_TABLE,
  type ErrorCode,
  ToolError,
  UsageError,
} from "../../../src/base/errors.ts";
import { exitCodeOf, hintOf, reportError, toToolError } from "../../../src/cli/exit.ts";
import { RunLog } from "../../../src/cli/run-log.ts";
import type { Invocation } from "../../../src/command/command.ts";

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[];
const NOBODY = { command: undefined };
const folder = mkdtempSync(join(tmpdir(), "tidemark-exit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function error(code: ErrorCode): ToolError {
  return new ToolError({ code, message: `a ${code} error` });
}

test.each(CODES)("takes the exit code of %s from the table", (code) => {
  expect(exitCodeOf(error(code), { isWalg: false, ...NOBODY })).toBe(ERROR_TABLE[code].exitCode);
});

test.each(CODES)("called as wal-g turns %s into 1 or 74", (code) => {
  const expected = code === "journal-not-found" ? 74 : 1;
  expect(exitCodeOf(error(code), { isWalg: true, ...NOBODY })).toBe(expected);
});

test("reports a signal as a shell does", () => {
  const codes = (["SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE", "SIGTERM"] as const).map((name) =>
    exitCodeOf(new CanceledError(name), { isWalg: false, ...NOBODY }),
  );
  expect(codes).toEqual([129, 130, 131, 141, 143]);
  expect(exitCodeOf(new CanceledError("SIGTERM"), { isWalg: true, ...NOBODY })).toBe(1);
});

test("asks the command's own rule first, whatever the name", () => {
  const invocation = {} as Invocation;
  const rule = (exitCode: number | undefined) => ({
    module: { run: () => Promise.resolve(), failureExit: () => exitCode },
    invocation,
  });
  for (const isWalg of [true, false]) {
    expect(exitCodeOf(error("storage"), { isWalg, command: rule(200) })).toBe(200);
  }
  expect(exitCodeOf(error("storage"), { isWalg: true, command: rule(undefined) })).toBe(1);
  expect(exitCodeOf(error("storage"), { isWalg: false, command: rule(undefined) })).toBe(20);
});

test("keeps our errors, takes an abort for its signal, and the rest for bugs", () => {
  const controller = new AbortController();
  const own = error("storage");
  expect(toToolError(own, controller.signal)).toBe(own);
  expect(toToolError(new DOMException("x", "AbortError"), controller.signal).code).toBe("internal");
  const reason = new CanceledError("SIGTERM");
  controller.abort(reason);
  expect(toToolError(new DOMException("x", "AbortError"), controller.signal)).toBe(reason);
  const bug = toToolError(new TypeError("x is not a function"), controller.signal);
  expect(bug).toMatchObject({ code: "internal", message: "unexpected: x is not a function" });
  expect(toToolError("text", controller.signal).message).toBe("unexpected: text");
});

test("every code has a hint, and an error's own comes first", () => {
  for (const code of CODES) expect(hintOf(error(code)), code).toMatch(/^[A-Z].*\.$/);
  expect(hintOf(new UsageError("x", "Do y."))).toBe("Do y.");
});

function report(name: string, thrown: ToolError, isJson: boolean, secrets: string[] = []): string {
  const path = join(folder, name);
  const descriptor = openSync(path, "a");
  const log = new RunLog({
    clock: SYSTEM_CLOCK,
    zone: "UTC",
    isJson,
    level: "info",
    secrets,
    descriptor,
    stderr: descriptor,
  });
  reportError(thrown, 10, log);
  return readFileSync(path, "utf8");
}

test("prints a user's mistake without a stack, and a bug with it", () => {
  const mistake = report("mistake", new UsageError("bad flag", "Use another."), false);
  expect(mistake).toMatch(/^ERROR: \S+ \S+ bad flag\nHINT: \S+ \S+ Use another\.\n$/);
  const bug = toToolError(new TypeError("boom"), new AbortController().signal);
  const shown = report("bug", bug, false);
  expect(shown).toContain("unexpected: boom");
  expect(shown).toMatch(/at .*exit\.test\.ts/);
});

test("prints no secret, not even out of a cause", () => {
  const cause = new Error("refused key hush-hush");
  const bug = toToolError(
    new Error("failed with hush-hush", { cause }),
    new AbortController().signal,
  );
  for (const isJson of [true, false]) {
    const shown = report(`secret-${isJson}`, bug, isJson, ["hush-hush"]);
    expect(shown).toContain("failed with --HIDDEN--");
    expect(shown).toContain("refused key --HIDDEN--");
    expect(shown).not.toContain("hush");
  }
});

test("ends with the error as one line of JSON", () => {
  const last = report("json", new UsageError("bad flag", "Use another."), true);
  expect(JSON.parse(last)).toEqual({
    error: { code: "usage", exitCode: 10, message: "bad flag", hint: "Use another." },
  });
});

test("says nothing when the reader of the output went away", () => {
  expect(report("pipe", new CanceledError("SIGPIPE"), false)).toBe("");
});
