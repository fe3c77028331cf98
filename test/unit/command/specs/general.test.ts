// Proves that the commands which explain the program are in every tree and need no settings.
import { expect, test } from "vitest";
import {
  COMPLETION_SPEC,
  CONFIG_SPEC,
  FLAGS_SPEC,
  HELP_SPEC,
} from "../../../../src/command/specs/general.ts";

test("are the same for every database", () => {
  for (const { databases } of [COMPLETION_SPEC, CONFIG_SPEC, FLAGS_SPEC, HELP_SPEC]) {
    expect(databases).toEqual(["postgres", "mysql", "redis"]);
  }
});

test("run without settings, all but the one that prints them", () => {
  expect([COMPLETION_SPEC, FLAGS_SPEC, HELP_SPEC].every((spec) => spec.isStandalone)).toBe(true);
  expect(CONFIG_SPEC.isStandalone).toBeUndefined();
});
