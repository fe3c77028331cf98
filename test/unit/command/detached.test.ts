// Proves that the words run the command with its arguments as they are, and end with 0 whatever
// becomes of it.
import { expect, test } from "vitest";
import { detachedWords } from "../../../src/command/detached.ts";

test("arguments arrive as they are", () => {
  const argument = `two words "quoted" $HOME 'and' *`;
  const { stdout } = Bun.spawnSync(detachedWords(["printf", "%s|", argument, ""]));
  expect(stdout.toString()).toBe(`${argument}||`);
});

test.each([
  ["an exit code", ["sh", "-c", "exit 3"]],
  ["a signal", ["sh", "-c", "kill -9 $$"]],
  ["a program that is not there", ["/no/such/program"]],
])("ends with 0 after %s", (_, command) => {
  expect(Bun.spawnSync(detachedWords(command)).exitCode).toBe(0);
});
