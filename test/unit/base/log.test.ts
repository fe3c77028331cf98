// Proves that a logger hands on exactly the lines of its level and above, with their facts.
import { expect, test } from "vitest";
import {
  createLogger,
  type LogFacts,
  type LogLevel,
  SILENT_LOGGER,
} from "../../../src/base/log.ts";

function linesAt(level: LogLevel): readonly (readonly [LogLevel, string, LogFacts])[] {
  const lines: [LogLevel, string, LogFacts][] = [];
  const log = createLogger(level, (own, message, facts) => lines.push([own, message, facts]));
  log.error("e", { key: "wal_005/x" });
  log.warning("w");
  log.info("i");
  log.debug("d", { delayMs: 5 });
  return lines;
}

test.each([
  ["error", ["e"]],
  ["warning", ["e", "w"]],
  ["info", ["e", "w", "i"]],
  ["debug", ["e", "w", "i", "d"]],
] as const)("at %s it writes %j", (level, expected) => {
  expect(linesAt(level).map(([, message]) => message)).toEqual(expected);
});

test("lines keep their own level and facts; no facts are an empty object", () => {
  expect(linesAt("debug")).toEqual([
    ["error", "e", { key: "wal_005/x" }],
    ["warning", "w", {}],
    ["info", "i", {}],
    ["debug", "d", { delayMs: 5 }],
  ]);
});

test("the silent logger takes everything", () => {
  expect(() => SILENT_LOGGER.error("nobody reads this")).not.toThrow();
});
