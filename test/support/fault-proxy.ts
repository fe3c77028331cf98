import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

/** What happens to a request on its way. */
export type Fault =
  /** Answered by the proxy; the server never sees the request, unless `isForwarded`. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** The server does it, and its answer is replaced. */
      readonly isForwarded?: boolean;
    }
  /** The connection is reset before any answer; `isForwarded`: after the server did it. */
  | { readonly kind: "reset"; readonly isForwarded?: boolean }
  /** The connection is reset, closed or left silent after so many bytes of the answer's body. */
  | { readonly kind: "reset-body" | "cut-body" | "stall-body"; readonly afterBytes: number }
  /** No answer ever comes. */
  | { readonly kind: "stall" };

export interface FaultRule {
  readonly method?: string;
  /** Matched with path and query. */
  readonly url?: RegExp;
  /** How many matching requests pass first. */
  readonly skip?: number;
  /** How many are then hit; default 1. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly fault: Fault["kind"] | undefined;
}

export interface FaultProxy {
  readonly url: string;
  /** Every request since the last `arm`. */
  readonly seen: readonly SeenRequest[];
  /** Replaces the rules and forgets what was seen. */
  arm(...rules: readonly FaultRule[]): void;
  stop(): Promise<void>;
}

interface LiveRule {
  readonly rule: FaultRule;
  skipped: number;
  hits: number;
}

/** A proxy in front of an HTTP server that spoils the requests that its rules name. */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const target = new URL(upstream);
  const seen: SeenRequest[] = [];
  let rules: LiveRule[] = [];
  const server = createServer((incoming, outgoing) => {
    const fault = faultFor(rules, incoming);
    const { method = "", url = "", headers } = incoming;
    seen.push({ method, url, headers, fault: fault?.kind });
    incoming.on("error", () => {});
    outgoing.on("error", () => {});
    void serve({ incoming, outgoing, target, fault });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    arm(...added) {
      rules = added.map((rule) => ({ rule, skipped: 0, hits: 0 }));
      seen.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function faultFor(rules: readonly LiveRule[], incoming: IncomingMessage): Fault | undefined {
  for (const live of rules) {
    const { rule } = live;
    if (rule.method !== undefined && rule.method !== incoming.method) continue;
    if (rule.url !== undefined && !rule.url.test(incoming.url ?? "")) continue;
    if (live.skipped < (rule.skip ?? 0)) {
      live.skipped += 1;
      continue;
    }
    if (live.hits >= (rule.times ?? 1)) continue;
    live.hits += 1;
    return rule.fault;
  }
  return undefined;
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly target: URL;
  readonly fault: Fault | undefined;
}

async function serve(exchange: Exchange): Promise<void> {
  const { incoming, outgoing, fault } = exchange;
  try {
    const body = await bodyOf(incoming);
    if (fault?.kind === "stall") return;
    if (fault?.kind === "reset") {
      if (fault.isForwarded === true) await bodyOf(await forward(exchange, body));
      incoming.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === "answer") {
      if (fault.isForwarded === true) await bodyOf(await forward(exchange, body));
      const text = fault.body ?? "";
      outgoing.writeHead(fault.status, {
        "content-type": "application/xml",
        "content-length": Buffer.byteLength(text),
        ...fault.headers,
      });
      outgoing.end(text);
      return;
    }
    await relay(await forward(exchange, body), exchange);
  } catch {
    outgoing.destroy();
  }
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function forward(exchange: Exchange, body: Buffer): Promise<IncomingMessage> {
  const { incoming, target } = exchange;
  return new Promise((resolve, reject) => {
    const upstream = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: incoming.url,
        // With the client's own host, which its signature holds.
        headers: incoming.headers,
        setHost: false,
      },
      resolve,
    );
    upstream.on("error", reject);
    upstream.end(body);
  });
}

async function relay(answer: IncomingMessage, exchange: Exchange): Promise<void> {
  const { outgoing, fault } = exchange;
  const headers = { ...answer.headers };
  delete headers.connection;
  delete headers["transfer-encoding"];
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  const limitBytes = fault !== undefined && "afterBytes" in fault ? fault.afterBytes : undefined;
  let sentBytes = 0;
  for await (const chunk of answer) {
    const bytes = chunk as Buffer;
    if (limitBytes !== undefined && sentBytes + bytes.byteLength > limitBytes) {
      outgoing.write(bytes.subarray(0, limitBytes - sentBytes));
      await spoil(exchange);
      return;
    }
    sentBytes += bytes.byteLength;
    if (!outgoing.write(bytes)) await new Promise((resolve) => outgoing.once("drain", resolve));
  }
  outgoing.end();
}

async function spoil({ incoming, fault }: Exchange): Promise<void> {
  // What was written has to reach the client first.
  await new Promise((resolve) => setTimeout(resolve, 30));
  if (fault?.kind === "reset-body") incoming.socket.resetAndDestroy();
  else if (fault?.kind === "cut-body") incoming.socket.end();
}
