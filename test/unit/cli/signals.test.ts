// Proves that the first signal aborts, the second ends, and ignored ones stay ignored; on a source
// of signals that the test drives.
import { expect, test } from "vitest";
import { CanceledError } from "../../../src/base/errors.ts";
import { abortOnSignals, PROCESS_SIGNALS } from "../../../src/cli/signals.ts";

function source(ignored: bigint | undefined) {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const signal = abortOnSignals(
    { on: (name, listener) => listeners.set(name, listener), ignoredSignals: () => ignored },
    (exitCode) => exits.push(exitCode),
  );
  return { signal, exits, listeners, send: (name: string) => listeners.get(name)?.() };
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
  ["SIGQUIT", 131],
])("aborts on the first %s and ends on the second", (name, exitCode) => {
  const { signal, exits, send } = source(0n);
  expect(signal.aborted).toBe(false);
  send(name);
  expect(signal.reason).toBeInstanceOf(CanceledError);
  expect(signal.reason).toMatchObject({ signalName: name, exitCode });
  expect(exits).toEqual([]);
  send(name);
  expect(exits).toEqual([exitCode]);
});

test("leaves signals alone that were ignored from the start", () => {
  // Bit 0 is SIGHUP, bit 1 SIGINT.
  expect([...source(0b11n).listeners.keys()]).toEqual(["SIGTERM", "SIGQUIT"]);
  expect(source(undefined).listeners.size).toBe(4);
});

test("reads from the system which signals are ignored", () => {
  expect(PROCESS_SIGNALS.ignoredSignals()).toBeTypeOf("bigint");
});
