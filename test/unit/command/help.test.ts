// Proves what help prints, and that it refuses names that are no commands.
import { expect, test } from "vitest";
import { run } from "../../../src/command/help.ts";
import { HELP_SPEC } from "../../../src/command/specs/general.ts";
import { testInvocation } from "../../support/invocation.ts";

async function help(...words: string[]): Promise<string> {
  const invocation = testInvocation(HELP_SPEC, { words, programName: "wal-g" });
  await run(invocation);
  return invocation.stdout();
}

test("lists the commands without the hidden ones", async () => {
  const text = await help();
  expect(text).toContain("  wal-push ");
  expect(text).not.toContain("wal-prefetch");
});

test("shows one command", async () => {
  expect(await help("completion")).toContain("Usage:\n  wal-g completion <shell> [flags]\n");
});

test("shows a group, a command of it, and groups within", async () => {
  expect(await help("st")).toContain("  st check read ");
  expect(await help("st", "check")).toMatch(/Commands of st check\..*st check write/s);
  expect(await help("st", "check", "read")).toContain("wal-g st check read [object...] [flags]\n");
});

test("refuses what is no command", async () => {
  await expect(help("nope")).rejects.toThrow('no help for "nope"');
});
