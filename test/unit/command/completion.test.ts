// Proves that the printed scripts complete commands, flags and files, by running them in bash.
import { expect, test } from "vitest";
import { run } from "../../../src/command/completion.ts";
import { COMPLETION_SPEC } from "../../../src/command/specs/general.ts";
import { testInvocation } from "../../support/invocation.ts";

async function script(shell: string, programName = "tidemark"): Promise<string> {
  const invocation = testInvocation(COMPLETION_SPEC, { words: [shell], programName });
  await run(invocation);
  return invocation.stdout();
}

function complete(text: string, words: readonly string[], name = "_tidemark"): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const lines = `${text}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; ${name}
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", lines], { cwd: "/etc" });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  return stdout.toString().trimEnd().split("\n");
}

test("completes commands, and leaves hidden ones out", async () => {
  const bash = await script("bash");
  expect(complete(bash, ["tidemark", "wal-pu"])).toEqual(["wal-push"]);
  expect(complete(bash, ["tidemark", ""])).toContain("help");
  expect(complete(bash, ["tidemark", ""])).not.toContain("wal-prefetch");
});

test("completes a command's flags, and files for arguments", async () => {
  const bash = await script("bash");
  expect(complete(bash, ["tidemark", "config", "--def"])).toEqual(["--defaults"]);
  expect(complete(bash, ["tidemark", "wal-push", "--target"])).toEqual(["--target-storage"]);
  expect(complete(bash, ["tidemark", "wal-push", "pass"])).toContain("passwd");
});

test("completes the words of groups, whatever flags stand between", async () => {
  const bash = await script("bash");
  expect(complete(bash, ["tidemark", "st", "c"])).toEqual(["cat", "check", "copy"]);
  expect(complete(bash, ["tidemark", "st", "--glob", "s"])).toEqual(["stat"]);
  expect(complete(bash, ["tidemark", "st", "check", ""])).toEqual(["read", "write"]);
  expect(complete(bash, ["tidemark", "st", "ls", "--rec"])).toEqual(["--recursive"]);
  expect(complete(bash, ["tidemark", "st", "get", "x", "pass"])).toContain("passwd");
});

test("names the function after the program", async () => {
  const bash = await script("bash", "wal-g-pg");
  expect(bash).toContain("complete -o filenames -F _wal_g_pg wal-g-pg");
  expect(complete(bash, ["wal-g-pg", "conf"], "_wal_g_pg")).toEqual(["config"]);
});

test("prints a zsh script, and refuses other shells", async () => {
  expect(await script("zsh")).toMatch(/^#compdef tidemark\n.*bashcompinit/);
  await expect(script("fish")).rejects.toThrow('no completion for shell "fish"');
});
