import { CanceledError, type StopSignal } from "../base/errors.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const satisfies StopSignal[];

/**
 * The first stop signal aborts what runs, so that a server leaves backup mode and half files go;
 * a second one ends the process at once.
 */
export function abortOnSignals(exitNow: (exitCode: number) => void): AbortSignal {
  const controller = new AbortController();
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      const reason = new CanceledError(name);
      if (controller.signal.aborted) exitNow(reason.exitCode);
      else controller.abort(reason);
    });
  }
  return controller.signal;
}
