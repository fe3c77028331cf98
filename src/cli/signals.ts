import { readFileSync } from "node:fs";
import { CanceledError, type StopSignal } from "../base/errors.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies StopSignal[];

/** What of a process the signals need. */
export interface SignalSource {
  on(name: StopSignal, listener: () => void): unknown;
  /** Bit n−1 is set when signal n is ignored; undefined where that cannot be told. */
  ignoredSignals(): bigint | undefined;
}

/**
 * The first stop signal aborts what runs, so that a server leaves backup mode and half files go;
 * a second one ends the process at once. A signal that was ignored when the program started
 * (`nohup`, a shell's background job) stays ignored.
 */
export function abortOnSignals(
  source: SignalSource,
  exitNow: (exitCode: number) => void,
): AbortSignal {
  const controller = new AbortController();
  const ignored = source.ignoredSignals() ?? 0n;
  for (const name of STOP_SIGNALS) {
    const reason = new CanceledError(name);
    const signalNumber = reason.exitCode - 128;
    if (((ignored >> BigInt(signalNumber - 1)) & 1n) === 1n) continue;
    source.on(name, () => {
      if (controller.signal.aborted) exitNow(reason.exitCode);
      else controller.abort(reason);
    });
  }
  return controller.signal;
}

export const PROCESS_SIGNALS: SignalSource = {
  on: (name, listener) => process.on(name, listener),
  ignoredSignals: () => {
    try {
      const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
      return mask === null ? undefined : BigInt(`0x${mask[1]}`);
    } catch {
      return undefined;
    }
  },
};
