import type { Clock } from "../../base/clock.ts";
import { type ByteStream, collect } from "../../stream/byte-stream.ts";
import { freedWhenRecycled } from "../../stream/chunk-pool.ts";
import { closableStream } from "../closable-stream.ts";
import { ConnectionError } from "./errors.ts";
import { type ProxySettings, proxyFor } from "./proxy.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | undefined;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Must be read or returned; a stall or an early end throws `ConnectionError`. */
  readonly body: ByteStream;
}

export interface TransportOptions {
  readonly clock: Clock;
  /** No byte for so long ends a request. */
  readonly idleTimeoutMs: number;
  /** Trusted besides the built-in authorities; undefined: only these. */
  readonly certificateAuthorities: readonly string[] | undefined;
  readonly proxy: ProxySettings;
  /** Where to connect instead of the URL's own host: `host:port` and scheme. */
  readonly connectTo?: ((signal: AbortSignal) => Promise<URL>) | undefined;
}

export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

/** An upload may be this slow before silence counts as a stall: its progress cannot be seen. */
const SLOWEST_UPLOAD_BYTES_PER_MS = 64;

/** HTTP by the runtime's `fetch`, with time-outs on silence, own authorities and proxies. */
export function createTransport(options: TransportOptions): Transport {
  return async (request) => {
    request.signal.throwIfAborted();
    const watch = new IdleWatch(options, request.signal);
    const uploadMs = (request.body?.length ?? 0) / SLOWEST_UPLOAD_BYTES_PER_MS;
    try {
      watch.arm(options.idleTimeoutMs + uploadMs);
      const response = await fetchOnce(request, options, watch.signal);
      // A timer would keep the process alive for a body that nobody reads.
      watch.stopTimer();
      const chunks = readBody(response, { request, watch, idleTimeoutMs: options.idleTimeoutMs });
      return {
        status: response.status,
        headers: response.headers,
        body: closableStream(chunks, () => watch.finish()),
      };
    } catch (error) {
      watch.finish();
      throw watch.explain(error, "the request failed");
    }
  };
}

/** The whole body of a small answer. */
export async function readText(response: HttpResponse, limitBytes = 1024 * 1024): Promise<string> {
  return new TextDecoder().decode(await collect(response.body, limitBytes));
}

async function fetchOnce(
  request: HttpRequest,
  options: TransportOptions,
  signal: AbortSignal,
): Promise<Response> {
  const target = new URL(request.url);
  const headers: Record<string, string> = { ...request.headers };
  if (options.connectTo !== undefined) {
    const { protocol, host } = await options.connectTo(signal);
    headers["host"] = target.host;
    target.protocol = protocol;
    target.host = host;
  }
  return fetch(target, {
    method: request.method,
    headers,
    body: request.body ?? null,
    signal,
    redirect: "manual",
    // Stored bytes are given as stored, whatever Content-Encoding somebody gave them.
    decompress: false,
    // false: never the runtime's own reading of the environment.
    proxy: proxyFor(target, options.proxy) ?? (false as unknown as string),
    ...(options.certificateAuthorities === undefined
      ? {}
      : { tls: { ca: [...options.certificateAuthorities] } }),
  });
}

async function* readBody(
  response: Response,
  options: {
    readonly request: HttpRequest;
    readonly watch: IdleWatch;
    readonly idleTimeoutMs: number;
  },
): AsyncGenerator<Uint8Array> {
  const { request, watch, idleTimeoutMs } = options;
  const promised = response.headers.get("content-length");
  const reader = response.body?.getReader();
  let sizeBytes = 0;
  try {
    for (;;) {
      watch.arm(idleTimeoutMs);
      const result = await reader?.read();
      watch.disarm();
      if (result === undefined || result.done) break;
      sizeBytes += result.value.byteLength;
      yield freedWhenRecycled(result.value);
    }
  } catch (error) {
    throw watch.explain(error, "the answer broke off");
  }
  const hasBody = request.method !== "HEAD" && response.status !== 304 && response.status !== 204;
  if (hasBody && promised !== null && Number(promised) !== sizeBytes) {
    throw new ConnectionError(`the answer ended after ${sizeBytes} of ${promised} bytes`);
  }
  watch.complete();
}

class IdleTimeout extends Error {}

/** Aborts a request when nothing moved for a while; counts only while the client waits. */
class IdleWatch {
  readonly #clock: Clock;
  readonly #outer: AbortSignal;
  readonly #request = new AbortController();
  #timer: AbortController | undefined;
  readonly #onOuterAbort = () => this.#request.abort(this.#outer.reason);
  #deadlineMs = Number.POSITIVE_INFINITY;
  #isComplete = false;

  constructor(options: { readonly clock: Clock }, outer: AbortSignal) {
    this.#clock = options.clock;
    this.#outer = outer;
    outer.addEventListener("abort", this.#onOuterAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  arm(delayMs: number): void {
    this.#deadlineMs = this.#clock.monotonicMs() + delayMs;
    if (this.#timer !== undefined) return;
    this.#timer = new AbortController();
    void this.#tick(this.#timer);
  }

  disarm(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }

  stopTimer(): void {
    this.disarm();
    this.#timer?.abort();
    this.#timer = undefined;
  }

  /** The whole body has come: the connection may serve the next request. */
  complete(): void {
    this.#isComplete = true;
  }

  /** Ends the timer, and the request unless it is complete. */
  finish(): void {
    this.stopTimer();
    this.#outer.removeEventListener("abort", this.#onOuterAbort);
    if (!this.#isComplete) this.#request.abort(new Error("not read to its end"));
  }

  explain(error: unknown, what: string): unknown {
    if (this.#outer.aborted) return this.#outer.reason;
    if (this.signal.reason instanceof IdleTimeout) return new ConnectionError("no byte in time");
    if (error instanceof ConnectionError) return error;
    return new ConnectionError(what, error);
  }

  async #tick(timer: AbortController): Promise<void> {
    try {
      while (this.#deadlineMs !== Number.POSITIVE_INFINITY) {
        const leftMs = this.#deadlineMs - this.#clock.monotonicMs();
        if (leftMs <= 0) {
          this.#request.abort(new IdleTimeout());
          return;
        }
        await this.#clock.sleep(leftMs, timer.signal);
      }
    } catch {
      // The timer was stopped: the request is over.
    } finally {
      if (this.#timer === timer) this.#timer = undefined;
    }
  }
}
