import type { Clock } from "../../base/clock.ts";
import { ConnectionError } from "./errors.ts";
import { type HttpResponse, readText } from "./transport.ts";

export interface Token {
  readonly value: string;
  /** undefined: whoever gives it knows when to give another. */
  readonly expiresAt: Date | undefined;
}

/** Bearer tokens for requests. */
export interface TokenSource {
  get(signal: AbortSignal): Promise<string>;
  /** The service refused that one: the next is a new one. */
  forget(value: string): void;
}

/** Renewed so long before they expire: an upload that begins now must not end refused. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** Asks once for all requests at a time, and again shortly before a token expires. */
export function cachedTokens(
  ask: (signal: AbortSignal) => Promise<Token>,
  options: { readonly clock: Clock; readonly timeoutMs: number },
): TokenSource {
  const { clock, timeoutMs } = options;
  let known: Token | undefined;
  let asking: Promise<Token> | undefined;
  const isFresh = ({ expiresAt }: Token) =>
    expiresAt === undefined || expiresAt.getTime() - clock.now().getTime() > RENEW_BEFORE_MS;
  const renew = async (): Promise<Token> => {
    try {
      // Not with a caller's signal: others wait for the same answer.
      known = await ask(AbortSignal.timeout(timeoutMs));
      return known;
    } finally {
      asking = undefined;
    }
  };
  return {
    async get(signal) {
      if (known !== undefined && isFresh(known)) return known.value;
      asking ??= renew();
      const late = new ConnectionError("no credentials in time");
      return (await within(asking, { clock, timeoutMs, signal, late })).value;
    },
    forget(value) {
      if (known?.value === value) known = undefined;
    },
  };
}

/** The answer, unless it takes too long or is no longer wanted: not every client can be stopped. */
async function within<T>(
  answer: Promise<T>,
  options: {
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly late: Error;
  },
): Promise<T> {
  const done = new AbortController();
  const signal = AbortSignal.any([options.signal, done.signal]);
  const timeout = options.clock.sleep(options.timeoutMs, signal).then(() => {
    throw options.late;
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    done.abort();
  }
}

/** Sends with a token; one that is refused is renewed once, as it may have expired or changed. */
export async function sendWithToken<
  R extends { readonly headers?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
>(
  tokens: TokenSource,
  request: R,
  send: (request: R) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const withToken = (value: string): R => ({
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${value}` },
  });
  const first = await tokens.get(request.signal);
  const response = await send(withToken(first));
  if (response.status !== 401) return response;
  tokens.forget(first);
  const second = await tokens.get(request.signal);
  if (second === first) return response;
  await readText(response);
  return send(withToken(second));
}
