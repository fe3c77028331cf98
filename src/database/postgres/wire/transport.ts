import { connect as connectSocket, type Socket } from "node:net";
import { messageOf } from "../../../base/errors.ts";
import { DatabaseError } from "./server-error.ts";

/** Bytes that may wait for a slow reader before the socket stops taking more from the server. */
const BUFFERED_BYTES_MAX = 1 << 20;
const KEEP_ALIVE_DELAY_MS = 30_000;

/** Where a server listens. A host that starts with `/` is the folder of its Unix socket. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `/var/run/postgresql:5432`: for messages. */
export function endpointName(endpoint: Endpoint): string {
  return `${endpoint.host}:${endpoint.port}`;
}

export function isUnixSocket(endpoint: Endpoint): boolean {
  return endpoint.host.startsWith("/");
}

/**
 * A socket to be pulled from: at most about 1 MiB is read ahead, then the server has to wait.
 * Works for plain and TLS sockets alike.
 */
export class Transport {
  readonly #socket: Socket;
  readonly #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #isEnded = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  /** Resolves once the socket is closed for whatever reason. */
  readonly closed: Promise<void>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#finish();
        resolve();
      });
    });
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
  }

  /** The next bytes; undefined after the last. Rejects when the connection broke. */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bufferedBytes -= chunk.byteLength;
        if (this.#bufferedBytes < BUFFERED_BYTES_MAX / 2) this.#socket.resume();
        return chunk;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isEnded) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What has come already, without waiting: for a connection that is found closed. */
  readBuffered(): Uint8Array | undefined {
    return this.#chunks.shift();
  }

  /** Resolves when the bytes are handed to the system; waits while the server does not read. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /** Leaves the socket to somebody else (TLS): nothing may have been read ahead. */
  detach(): Socket {
    if (this.#bufferedBytes > 0) {
      throw new DatabaseError("the server sent plain bytes before TLS was set up", {
        hint: "Somebody between here and the server may be tampering with the connection.",
      });
    }
    this.#socket.off("data", this.#onData);
    this.#socket.off("end", this.#onEnd);
    this.#socket.off("error", this.#onError);
    return this.#socket;
  }

  /** Sends what was written, then closes. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#finish();
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.byteLength;
    if (this.#bufferedBytes >= BUFFERED_BYTES_MAX) this.#socket.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => this.#finish();

  readonly #onError = (error: unknown): void => {
    this.#failure ??= error;
    this.#finish();
  };

  #finish(): void {
    this.#isEnded = true;
    this.#wake?.();
  }
}

/** Opens a socket to one endpoint. */
export function openTransport(endpoint: Endpoint, signal: AbortSignal): Promise<Transport> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = isUnixSocket(endpoint)
      ? connectSocket({ path: `${endpoint.host}/.s.PGSQL.${endpoint.port}` })
      : connectSocket({ host: endpoint.host, port: endpoint.port });
    const settle = (act: () => void) => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError);
      act();
    };
    const onAbort = () =>
      settle(() => {
        socket.on("error", () => {});
        socket.destroy();
        reject(signal.reason);
      });
    const onError = (error: Error) =>
      settle(() => {
        const message = `${endpointName(endpoint)}: cannot connect: ${messageOf(error)}`;
        reject(new DatabaseError(message, { hint: HINT_UNREACHABLE, cause: error }));
      });
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", onError);
    socket.once("connect", () =>
      settle(() => {
        if (!isUnixSocket(endpoint)) {
          socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
          socket.setNoDelay(true);
        }
        resolve(new Transport(socket));
      }),
    );
  });
}

const HINT_UNREACHABLE = "Check PGHOST and PGPORT, and that the server is running.";
