// Proves what is taken from this process when the program runs from source.
import { expect, test } from "vitest";
import { processHost } from "../../../src/cli/process-host.ts";

test("takes the words after the script, the environment and the home of the user id", () => {
  const { signal } = new AbortController();
  const host = processHost(signal);
  expect(host.argv0).toBe("tidemark");
  expect(host.words).toEqual(process.argv.slice(2));
  expect(host.environment).toBe(process.env);
  expect(host.signal).toBe(signal);
  if (process.geteuid?.() === 0) expect(host.home()).toBe("/root");
});

test("starts itself again by interpreter and script when it is not compiled", () => {
  const [interpreter, script] = processHost(new AbortController().signal).self();
  expect(interpreter).toBe(process.execPath);
  expect(script).toBe(Bun.main);
});
