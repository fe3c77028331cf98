// Proves that the block of recovery settings replaces those of the source and quotes as the server
// reads.
import { describe, expect, it } from "vitest";
import {
  quoteSetting,
  withRecoverySettings,
} from "../../../../src/database/postgres/recovery-settings.ts";

const SETTINGS = new Map([
  ["restore_command", "fetch %f"],
  ["recovery_target", ""],
]);
const BLOCK = [
  "# recovery settings written by backup-fetch",
  "restore_command = 'fetch %f'",
  "recovery_target = ''",
  "",
].join("\n");

describe("recovery settings", () => {
  it.each([
    ["", ""],
    ["work_mem = 1\n", "work_mem = 1\n"],
    ["work_mem = 1", "work_mem = 1\n"],
    ["a = 1\n\n\n", "a = 1\n"],
    ["restore_command = 'old'\nb = 2\n", "b = 2\n"],
    ["  RESTORE_COMMAND='old'\nrecovery_target_time = 'x'\n", "recovery_target_time = 'x'\n"],
    ["# restore_command = 'old'\n", "# restore_command = 'old'\n"],
  ])("%j keeps %j", (existing, kept) => {
    expect(withRecoverySettings(existing, SETTINGS)).toBe(kept + BLOCK);
  });

  it("are the same when they are written again, but for the title", () => {
    const once = withRecoverySettings("a = 1\n", SETTINGS);
    expect(withRecoverySettings(once, SETTINGS).endsWith(BLOCK)).toBe(true);
    expect(withRecoverySettings(once, SETTINGS).match(/restore_command/g)).toHaveLength(1);
  });

  it("quote quotes and backslashes, and refuse a second line", () => {
    expect(quoteSetting('it\'s a \\ "%f"')).toBe("'it''s a \\\\ \"%f\"'");
    expect(() => quoteSetting("a\nb = 1")).toThrow();
  });
});
