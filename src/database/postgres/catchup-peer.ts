import { createConnection, createServer, type Server, type Socket } from "node:net";
import { messageOf, ToolError } from "../../base/errors.ts";
import type { ByteStream } from "../../stream/byte-stream.ts";

/** The other side of a catchup, at the end of a TCP connection. */
export interface CatchupPeer extends Disposable {
  /** `host:port`, for messages. */
  readonly name: string;
  /** What the peer sends, as it is wanted; may be read once. */
  readonly received: ByteStream;
  /** Resolves when the system has the bytes: the caller's memory is the caller's again. */
  send(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be sent; resolves once the system has taken it all. */
  endSending(): Promise<void>;
  /**
   * Takes leave: nothing more is sent nor wanted. Resolves when the peer has ended too, or soon: a
   * connection that is cut off at once could lose our last words on their way.
   */
  part(): Promise<void>;
}

/** The connection to the other side of a catchup could not be made, or broke. */
export class CatchupPeerError extends ToolError {
  constructor(name: string, detail: string, options: { hint?: string; cause?: unknown } = {}) {
    super({ code: "database", message: `${name}: ${detail}`, ...options });
  }
}

const CONNECT_TIMEOUT_MS = 20_000;
/** Neither side is ever silent for so long. */
const SILENCE_MAX_MS = 10 * 60_000;
const LINGER_MS = 5000;

export interface PeerPlace {
  /** undefined: every address of this machine. */
  readonly host: string | undefined;
  readonly port: number;
}

export async function connectPeer(place: PeerPlace, signal: AbortSignal): Promise<CatchupPeer> {
  const host = place.host ?? "localhost";
  const name = `${host}:${place.port}`;
  signal.throwIfAborted();
  const socket = createConnection({ host, port: place.port, allowHalfOpen: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  const timer = setTimeout(() => reject(new Error("no answer")), CONNECT_TIMEOUT_MS);
  socket.once("connect", resolve);
  socket.once("error", reject);
  signal.addEventListener("abort", onAbort);
  try {
    await promise;
    return peerOf(socket, name, signal);
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    throw new CatchupPeerError(name, `could not connect: ${messageOf(cause)}`, {
      hint: "Is catchup-receive running there, and is the port open?",
      cause,
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.removeListener("error", reject);
  }
}

/** Waits for the one connection of a catchup; `onListening` is told the port. */
export async function acceptPeer(
  place: PeerPlace,
  options: { readonly signal: AbortSignal; onListening(port: number): void },
): Promise<CatchupPeer> {
  const { signal, onListening } = options;
  signal.throwIfAborted();
  const server = createServer({ allowHalfOpen: true });
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  server.once("connection", resolve);
  server.once("error", reject);
  server.listen({ port: place.port, ...(place.host === undefined ? {} : { host: place.host }) });
  server.once("listening", () => onListening(portOf(server)));
  try {
    const socket = await promise;
    return peerOf(socket, `${socket.remoteAddress}:${socket.remotePort}`, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const name = `${place.host ?? ""}:${place.port}`;
    throw new CatchupPeerError(name, `cannot be listened on: ${messageOf(cause)}`, { cause });
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Others are turned away; the one that came stays.
    server.close();
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function peerOf(socket: Socket, name: string, signal: AbortSignal): CatchupPeer {
  const broken = Promise.withResolvers<never>();
  // Whoever waits for something sees it; before that nobody may.
  broken.promise.catch(() => {});
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    broken.reject(failure);
    socket.destroy();
  };
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort);
  socket.setNoDelay(true);
  socket.setTimeout(SILENCE_MAX_MS, () => fail(new CatchupPeerError(name, "has fallen silent")));
  socket.on("error", (cause) => {
    fail(new CatchupPeerError(name, `the connection broke: ${messageOf(cause)}`, { cause }));
  });
  socket.on("close", () => fail(new CatchupPeerError(name, "the connection was closed")));
  const raced = <T>(work: Promise<T>): Promise<T> => Promise.race([work, broken.promise]);
  return {
    name,
    received: receivedFrom(socket, () => failure),
    send: async (bytes) => {
      if (failure !== undefined) throw failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.write(bytes, () => resolve());
      await raced(promise);
    },
    endSending: async () => {
      if (failure !== undefined) throw failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.end(resolve);
      await raced(promise);
    },
    part: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LINGER_MS);
      socket.once("end", resolve);
      socket.once("close", resolve);
      socket.end();
      if (socket.readableEnded) resolve();
      else socket.resume();
      await promise;
      clearTimeout(timer);
    },
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", onAbort);
      failure ??= new CatchupPeerError(name, "the connection was closed");
      socket.destroy();
    },
  };
}

/** Reads no further than is asked for, so that the sender is slowed down instead of memory. */
async function* receivedFrom(socket: Socket, failure: () => unknown): AsyncGenerator<Uint8Array> {
  try {
    // Whoever stops reading may still want to say why.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk;
  } catch (error) {
    throw failure() ?? error;
  }
  const error = failure();
  // The peer's regular end is not the end of the connection.
  if (error !== undefined && !socket.readableEnded) throw error;
}
