import type { Clock } from "../../base/clock.ts";
import { ConnectionError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/**
 * Ends a request that has no answer after `limitMs`, however fast its bytes move: the services'
 * own tools have such a limit. Silence is ended earlier, by the transport itself.
 */
export function withDeadline(
  transport: Transport,
  options: { readonly clock: Clock; readonly limitMs: number; readonly setting: string },
): Transport {
  const { clock, limitMs, setting } = options;
  return async (request) => {
    const late = new AbortController();
    const answered = new AbortController();
    const signal = AbortSignal.any([request.signal, late.signal]);
    const waiting = clock.sleep(limitMs, answered.signal).then(
      () => late.abort(new ConnectionError(`no answer within ${setting}`)),
      // The request was answered, which is what ends the wait.
      () => {},
    );
    try {
      return await transport({ ...request, signal });
    } finally {
      answered.abort();
      await waiting;
    }
  };
}
