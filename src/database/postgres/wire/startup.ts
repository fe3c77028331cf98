import { messageOf } from "../../../base/errors.ts";
import type { ConnectionSettings } from "../connection-settings.ts";
import { authenticate } from "./authentication.ts";
import {
  type BackendMessage,
  BodyReader,
  decodeReport,
  encodeCancelRequest,
  encodeStartup,
  MessageDecoder,
} from "./message-codec.ts";
import { DatabaseError } from "./server-error.ts";
import { negotiateTls } from "./tls.ts";
import {
  type Endpoint,
  endpointName,
  isUnixSocket,
  openTransport,
  type Transport,
} from "./transport.ts";

/** What a server wants to see before it cancels a command of a session. */
export interface CancelKey {
  readonly processId: number;
  readonly secret: Uint8Array;
}

/** A session that is ready for its first command. */
export interface OpenedSession {
  readonly endpoint: Endpoint;
  readonly isEncrypted: boolean;
  readonly transport: Transport;
  /** May hold bytes already. */
  readonly decoder: MessageDecoder;
  readonly cancelKey: CancelKey | undefined;
  readonly parameters: Map<string, string>;
}

interface StartupOptions {
  readonly replication?: "physical" | "database";
  readonly signal: AbortSignal;
}

/** pg_hba.conf has no line for this kind of connection: the other kind may have one. */
const INVALID_AUTHORIZATION = "28000";

/** Connects to the first endpoint that answers. */
export async function openSession(
  settings: ConnectionSettings,
  options: StartupOptions,
): Promise<OpenedSession> {
  const failures: DatabaseError[] = [];
  for (const endpoint of settings.endpoints) {
    try {
      return await openWithin(settings, endpoint, options);
    } catch (error) {
      options.signal.throwIfAborted();
      // A server that answers and refuses is the one that was meant.
      if (!(error instanceof DatabaseError) || error.report !== undefined) throw error;
      failures.push(error);
    }
  }
  const [only] = failures;
  if (only !== undefined && failures.length === 1) throw only;
  throw new DatabaseError(failures.map(messageOf).join("; "), {
    hint: only?.hint,
    cause: new AggregateError(failures),
  });
}

/** One endpoint within the time that it is given. */
async function openWithin(
  settings: ConnectionSettings,
  endpoint: Endpoint,
  options: StartupOptions,
): Promise<OpenedSession> {
  const { connectTimeoutMs } = settings;
  if (connectTimeoutMs === Number.POSITIVE_INFINITY) {
    return openByMode(settings, endpoint, options);
  }
  const limit = AbortSignal.timeout(connectTimeoutMs);
  const signal = AbortSignal.any([options.signal, limit]);
  try {
    return await openByMode(settings, endpoint, { ...options, signal });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new DatabaseError(
      `${endpointName(endpoint)}: the server did not answer within ${connectTimeoutMs / 1000} s`,
      { hint: "Check PGHOST and PGPORT, and that no firewall is in between." },
    );
  }
}

/** Plain and encrypted attempts in the order that PGSSLMODE wants. */
async function openByMode(
  settings: ConnectionSettings,
  endpoint: Endpoint,
  options: StartupOptions,
): Promise<OpenedSession> {
  const { mode } = settings.tls;
  const isPlainOnly = isUnixSocket(endpoint) || mode === "disable";
  const first = isPlainOnly || mode === "allow" ? "plain" : "tls";
  const second = isPlainOnly
    ? undefined
    : mode === "allow"
      ? "tls"
      : mode === "prefer"
        ? "plain"
        : undefined;
  try {
    return await openOnce(settings, endpoint, first, options);
  } catch (error) {
    const isRefused = error instanceof DatabaseError && error.sqlState === INVALID_AUTHORIZATION;
    if (second === undefined || !isRefused) throw error;
    // The first refusal says more when the second attempt fails as well.
    return openOnce(settings, endpoint, second, options).catch((other: unknown) => {
      options.signal.throwIfAborted();
      throw mode === "allow" && !(other instanceof DatabaseError) ? other : error;
    });
  }
}

async function openOnce(
  settings: ConnectionSettings,
  endpoint: Endpoint,
  kind: "plain" | "tls",
  options: StartupOptions,
): Promise<OpenedSession> {
  const { signal } = options;
  let transport = await openTransport(endpoint, signal);
  const onAbort = () => transport.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    let serverCertificate: Uint8Array | undefined;
    let isEncrypted = false;
    if (kind === "tls") {
      const secure = await negotiateTls(transport, endpoint, settings.tls);
      if (secure !== undefined) {
        transport = secure.transport;
        serverCertificate = secure.serverCertificate;
        isEncrypted = true;
      } else if (settings.tls.mode !== "prefer") {
        throw new DatabaseError(
          `${endpointName(endpoint)}: the server has no TLS, and PGSSLMODE is ${settings.tls.mode}`,
          { hint: "Set `ssl = on` on the server, or PGSSLMODE=prefer here." },
        );
      }
    }
    signal.throwIfAborted();
    const startup = new Startup(settings, endpoint, transport, serverCertificate);
    return { ...(await startup.run(options.replication)), isEncrypted };
  } catch (error) {
    transport.destroy();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The exchange from the start-up packet to the first ReadyForQuery. */
class Startup {
  readonly #settings: ConnectionSettings;
  readonly #endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #serverCertificate: Uint8Array | undefined;
  readonly #decoder = new MessageDecoder();

  constructor(
    settings: ConnectionSettings,
    endpoint: Endpoint,
    transport: Transport,
    serverCertificate: Uint8Array | undefined,
  ) {
    this.#settings = settings;
    this.#endpoint = endpoint;
    this.#transport = transport;
    this.#serverCertificate = serverCertificate;
  }

  async run(
    replication: "physical" | "database" | undefined,
  ): Promise<Omit<OpenedSession, "isEncrypted">> {
    const settings = this.#settings;
    await this.#transport.write(
      encodeStartup({
        user: settings.user,
        ...(replication === "physical" ? {} : { database: settings.database }),
        ...(replication === undefined
          ? {}
          : { replication: replication === "physical" ? "true" : "database" }),
        application_name: settings.applicationName,
        client_encoding: "UTF8",
      }),
    );
    await authenticate({
      where: endpointName(this.#endpoint),
      user: settings.user,
      password: () => settings.password(this.#endpoint),
      serverCertificate: this.#serverCertificate,
      send: (message) => this.#transport.write(message),
      receive: () => this.#receive("R"),
    });
    const parameters = new Map<string, string>();
    let cancelKey: CancelKey | undefined;
    for (;;) {
      const message = await this.#receive("S", "K", "Z");
      if (message.type === "Z") break;
      const reader = new BodyReader(message);
      if (message.type === "S") parameters.set(reader.text(), reader.text());
      else cancelKey = { processId: reader.int32(), secret: reader.rest() };
    }
    return {
      endpoint: this.#endpoint,
      transport: this.#transport,
      decoder: this.#decoder,
      cancelKey,
      parameters,
    };
  }

  /** The next message of one of the types; notices are passed over, errors reject. */
  async #receive(...types: readonly string[]): Promise<BackendMessage> {
    const where = endpointName(this.#endpoint);
    for (;;) {
      const message = this.#decoder.next();
      if (message === undefined) {
        const chunk = await this.#transport.read().catch((error: unknown) => {
          throw this.#endedError(error);
        });
        if (chunk === undefined) throw this.#endedError();
        this.#decoder.push(chunk);
      } else if (message.type === "E") {
        throw DatabaseError.ofReport(where, decodeReport(message));
      } else if (types.includes(message.type)) {
        return message;
      } else if (message.type !== "N" && message.type !== "v") {
        throw new DatabaseError(`${where}: unexpected message ${message.type} at the start`, {
          hint: "Check that host and port are those of a PostgreSQL server.",
        });
      }
    }
  }

  #endedError(cause?: unknown): DatabaseError {
    return new DatabaseError(
      `${endpointName(this.#endpoint)}: the server closed the connection while it was set up`,
      { hint: "Look into the server's log.", cause },
    );
  }
}

/** Asks the server to cancel what a session is doing. Resolves when the server has heard it. */
export async function sendCancelRequest(
  settings: ConnectionSettings,
  endpoint: Endpoint,
  request: { readonly key: CancelKey; readonly isEncrypted: boolean },
  signal: AbortSignal,
): Promise<void> {
  let transport = await openTransport(endpoint, signal);
  const onAbort = () => transport.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (request.isEncrypted) {
      const secure = await negotiateTls(transport, endpoint, settings.tls);
      if (secure === undefined) return;
      transport = secure.transport;
    }
    await transport.write(encodeCancelRequest(request.key));
    // The server closes the connection once it has sent the signal.
    await transport.read();
  } finally {
    signal.removeEventListener("abort", onAbort);
    transport.destroy();
  }
}
