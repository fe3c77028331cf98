import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { type HttpResponse, readText } from "./transport.ts";

/** Services take a signature for a quarter of an hour, before and after its time. */
const TOLERATED_MS = 5 * 60_000;

/**
 * The time that requests are signed with. A service refuses one that is far from its own, which
 * its answer tells: then its time is used, as a machine whose clock is wrong has to go on
 * archiving all the same.
 */
export class ServiceClock implements Clock {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #storage: string;
  #offsetMs = 0;

  constructor(clock: Clock, options: { readonly log: Logger; readonly storage: string }) {
    this.#clock = clock;
    this.#log = options.log;
    this.#storage = options.storage;
  }

  now(): Date {
    return new Date(this.#clock.now().getTime() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return this.#clock.sleep(delayMs, signal);
  }

  /** Whether this refusal tells another time than ours, which is used from now on. */
  learn(status: number, date: string | null | undefined): boolean {
    if (status !== 401 && status !== 403) return false;
    const theirMs = Date.parse(date ?? "");
    if (Number.isNaN(theirMs) || Math.abs(theirMs - this.now().getTime()) < TOLERATED_MS) {
      return false;
    }
    this.#offsetMs = theirMs - this.#clock.now().getTime();
    const offsetS = Math.round(this.#offsetMs / 1000);
    this.#log.warning(`${this.#storage}: the service's clock is not this machine's`, { offsetS });
    return true;
  }
}

/** Sends, and once more when the time of its signature may be what was refused. */
export async function sendInTime(
  clock: ServiceClock,
  send: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const response = await send();
  if (!clock.learn(response.status, response.headers.get("date"))) return response;
  await readText(response);
  return send();
}
