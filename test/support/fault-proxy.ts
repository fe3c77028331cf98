import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";

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
  /** The same after so many bytes of the request's body, of which the server gets no more. */
  | { readonly kind: "reset-request" | "stall-request"; readonly afterBytes: number }
  /** Of the answer's body only a part is sent, from 0 to 1, and its length agrees with that. */
  | { readonly kind: "shorten"; readonly keptShare: number }
  /** The answer promises so many bytes more than its body has, and ends. */
  | { readonly kind: "overstate"; readonly extraBytes: number }
  /** No answer ever comes. */
  | { readonly kind: "stall" };

export interface FaultRule {
  readonly method?: string;
  /** Matched with path and query. */
  readonly url?: RegExp;
  readonly when?: (request: IncomingMessage) => boolean;
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
  /** Of an answer that the proxy made. */
  readonly status: number | undefined;
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

/**
 * A proxy in front of an HTTP server that spoils the requests that its rules name; those of
 * `always` hold whatever is armed.
 */
export async function startFaultProxy(
  upstream: string,
  always: readonly FaultRule[] = [],
): Promise<FaultProxy> {
  const target = new URL(upstream);
  const seen: SeenRequest[] = [];
  const lasting = always.map(toLive);
  let rules: LiveRule[] = [];
  const server = createServer((incoming, outgoing) => {
    const fault = faultFor([...lasting, ...rules], incoming);
    const { method = "", url = "", headers } = incoming;
    const status = fault?.kind === "answer" ? fault.status : undefined;
    seen.push({ method, url, headers, fault: fault?.kind, status });
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
      rules = added.map(toLive);
      seen.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function toLive(rule: FaultRule): LiveRule {
  return { rule, skipped: 0, hits: 0 };
}

function faultFor(rules: readonly LiveRule[], incoming: IncomingMessage): Fault | undefined {
  for (const live of rules) {
    const { rule } = live;
    if (rule.method !== undefined && rule.method !== incoming.method) continue;
    if (rule.url !== undefined && !rule.url.test(incoming.url ?? "")) continue;
    if (rule.when?.(incoming) === false) continue;
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
    if (fault?.kind === "reset-request" || fault?.kind === "stall-request") {
      await breakRequest(exchange, fault);
      return;
    }
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
  return new Promise((resolve, reject) => {
    const upstream = openUpstream(exchange, resolve);
    upstream.on("error", reject);
    upstream.end(body);
  });
}

function openUpstream(
  { incoming, target }: Exchange,
  onAnswer: (answer: IncomingMessage) => void,
): ClientRequest {
  return request(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      // With the client's own host, which its signature holds.
      headers: incoming.headers,
      setHost: false,
    },
    onAnswer,
  );
}

/** A body that is shorter than the place where it is to break comes whole, and is broken there. */
async function breakRequest(
  exchange: Exchange,
  fault: Extract<Fault, { readonly kind: "reset-request" | "stall-request" }>,
): Promise<void> {
  const { incoming } = exchange;
  const upstream = openUpstream(exchange, (answer) => answer.resume());
  upstream.on("error", () => {});
  let leftBytes = fault.afterBytes;
  // Not by iteration, whose end would end the connection too.
  await new Promise<void>((resolve) => {
    incoming.on("data", (chunk: Buffer) => {
      upstream.write(chunk.subarray(0, leftBytes));
      leftBytes -= chunk.byteLength;
      if (leftBytes <= 0) resolve();
    });
    incoming.on("end", resolve);
    incoming.on("close", resolve);
  });
  incoming.pause();
  // What was written has to reach the server first.
  await new Promise((resolve) => setTimeout(resolve, 30));
  upstream.destroy();
  if (fault.kind === "reset-request") incoming.socket.resetAndDestroy();
}

async function relay(answer: IncomingMessage, exchange: Exchange): Promise<void> {
  const { outgoing, fault } = exchange;
  const headers = { ...answer.headers };
  delete headers.connection;
  delete headers["transfer-encoding"];
  if (fault?.kind === "shorten" || fault?.kind === "overstate") {
    const body = await bodyOf(answer);
    const kept =
      fault.kind === "shorten" ? Math.floor(body.byteLength * fault.keptShare) : undefined;
    const length = kept ?? body.byteLength + (fault.kind === "overstate" ? fault.extraBytes : 0);
    outgoing.writeHead(answer.statusCode ?? 502, { ...headers, "content-length": length });
    outgoing.write(body.subarray(0, kept));
    if (fault.kind === "overstate") await spoil(exchange);
    else outgoing.end();
    return;
  }
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
  else if (fault?.kind !== "stall-body") incoming.socket.end();
}
