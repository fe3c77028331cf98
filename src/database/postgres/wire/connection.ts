import type { ConnectionSettings } from "../connection-settings.ts";
import {
  type BackendMessage,
  BodyReader,
  decodeColumns,
  decodeReport,
  decodeRow,
  encodeMessage,
  type MessageDecoder,
  textField,
} from "./message-codec.ts";
import { DatabaseError, type ServerReport } from "./server-error.ts";
import { type CancelKey, openSession, sendCancelRequest } from "./startup.ts";
import { type Endpoint, endpointName, type Transport } from "./transport.ts";

/** What a command gives, in the server's order. Copy data is a view that stays valid. */
export type CommandEvent =
  | { readonly kind: "columns"; readonly names: readonly string[] }
  | { readonly kind: "row"; readonly values: readonly (string | null)[] }
  | { readonly kind: "complete"; readonly tag: string }
  | { readonly kind: "copy-out" | "copy-both" | "copy-done" }
  | { readonly kind: "copy-data"; readonly bytes: Uint8Array };

export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface ConnectionOptions {
  /** `physical`: only replication commands; `database`: these and SQL. */
  readonly replication?: "physical" | "database";
  readonly signal: AbortSignal;
}

/** How long a cancelled command may take to end before the connection is dropped. */
const CANCEL_GRACE_MS = 5_000;
const NOTICES_MAX = 100;

/**
 * One connection to a server. Commands run one after another, in the order of their calls.
 * A command that its caller abandons half-way drops the connection: nothing else would stop a
 * server that is sending a whole cluster.
 */
export class WireConnection implements AsyncDisposable {
  readonly endpoint: Endpoint;
  readonly isEncrypted: boolean;
  /** Rejects when the connection ends without `close`. */
  readonly lost: Promise<never>;
  readonly #transport: Transport;
  readonly #decoder: MessageDecoder;
  readonly #settings: ConnectionSettings;
  readonly #cancelKey: CancelKey | undefined;
  readonly #parameters: Map<string, string>;
  readonly #notices: ServerReport[] = [];
  #lastCommand: Promise<void> = Promise.resolve();
  #commandsWaiting = 0;
  #isClosing = false;
  #loss: DatabaseError | undefined;

  private constructor(
    settings: ConnectionSettings,
    session: Awaited<ReturnType<typeof openSession>>,
  ) {
    this.#settings = settings;
    this.endpoint = session.endpoint;
    this.isEncrypted = session.isEncrypted;
    this.#transport = session.transport;
    this.#decoder = session.decoder;
    this.#cancelKey = session.cancelKey;
    this.#parameters = session.parameters;
    this.lost = this.#transport.closed.then(() => {
      if (this.#isClosing) return new Promise<never>(() => {});
      throw this.#lossError();
    });
    // Whoever does not look at it must not die of it.
    this.lost.catch(() => {});
  }

  /** Connects to the first endpoint that answers and authenticates. */
  static async open(
    settings: ConnectionSettings,
    options: ConnectionOptions,
  ): Promise<WireConnection> {
    return new WireConnection(settings, await openSession(settings, options));
  }

  /** A value that the server reports by itself: `server_version`, `in_hot_standby`, … */
  parameter(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  /** The last notices and warnings of the server. */
  get notices(): readonly ServerReport[] {
    return this.#notices;
  }

  get isOpen(): boolean {
    return !this.#isClosing && this.#loss === undefined;
  }

  /** Whether a command runs or waits for its turn. */
  get isBusy(): boolean {
    return this.#commandsWaiting > 0;
  }

  /** Runs SQL and gives the last result that has columns; an error of the server rejects. */
  async query(sql: string, options: { readonly signal: AbortSignal }): Promise<QueryResult> {
    let columns: readonly string[] = [];
    let rows: (readonly (string | null)[])[] = [];
    for await (const event of this.command(sql, options)) {
      if (event.kind === "columns") {
        columns = event.names;
        rows = [];
      } else if (event.kind === "row") rows.push(event.values);
    }
    return { columns, rows };
  }

  /**
   * Runs a command and gives what comes as it comes; a slow consumer makes the server wait.
   * An abort of the signal cancels the command on the server.
   */
  async *command(
    sql: string,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<CommandEvent, void, void> {
    const { signal } = options;
    const release = await this.#takeTurn();
    if (signal.aborted) {
      release();
      throw signal.reason;
    }
    let isOver = false;
    let failure: DatabaseError | undefined;
    const stopWatching = this.#cancelWhenAborted(signal);
    try {
      await this.#send(encodeMessage("Q", textField(sql)));
      while (!isOver) {
        const message = await this.#receive(failure);
        if (message.type === "Z") isOver = true;
        else if (message.type === "E") failure ??= this.#errorOf(message);
        else {
          const event = this.#decodeEvent(message);
          if (event !== undefined && !signal.aborted) yield event;
        }
      }
    } catch (error) {
      // A dropped connection is how a cancelled command ends at worst: the reason counts.
      throw signal.aborted ? signal.reason : error;
    } finally {
      await stopWatching();
      if (!isOver && !(signal.aborted && this.#loss !== undefined)) this.#drop();
      release();
    }
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
  }

  /** Sends data of a copy that this side feeds; waits while the server does not read. */
  async sendCopyData(bytes: Uint8Array): Promise<void> {
    await this.#send(encodeMessage("d", bytes));
  }

  async sendCopyDone(): Promise<void> {
    await this.#send(encodeMessage("c"));
  }

  /** Gives the connection up for a reason that only the caller knows; what waits fails with it. */
  abandon(reason: DatabaseError): void {
    this.#loss ??= reason;
    this.#transport.destroy();
  }

  /** Ends the session; the server leaves whatever state it held. Waits for the socket's end. */
  async close(): Promise<void> {
    if (this.#isClosing) return this.#transport.closed;
    this.#isClosing = true;
    // A farewell: a connection that is gone already needs none.
    await this.#transport.write(encodeMessage("X")).catch(() => {});
    this.#transport.end();
    const timer = setTimeout(() => this.#transport.destroy(), CANCEL_GRACE_MS);
    // A socket that is paused with data waiting would never see its end.
    const drain = async () => {
      while ((await this.#transport.read()) !== undefined);
    };
    // However it ends, it has ended.
    await Promise.race([drain().catch(() => {}), this.#transport.closed]);
    this.#transport.destroy();
    await this.#transport.closed;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #takeTurn(): Promise<() => void> {
    const before = this.#lastCommand;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastCommand = promise;
    this.#commandsWaiting += 1;
    await before;
    return () => {
      this.#commandsWaiting -= 1;
      resolve();
    };
  }

  async #send(message: Uint8Array): Promise<void> {
    if (this.#isClosing) throw this.#closedError();
    if (this.#loss !== undefined) throw this.#loss;
    try {
      await this.#transport.write(message);
    } catch (error) {
      throw this.#lossError(error);
    }
  }

  /** The next message that is part of a command's answer. */
  async #receive(failure: DatabaseError | undefined): Promise<BackendMessage> {
    for (;;) {
      const message = this.#decoder.next();
      if (message === undefined) {
        const chunk = await this.#transport.read().catch((error: unknown) => {
          throw failure ?? this.#lossError(error);
        });
        if (chunk === undefined) throw failure ?? this.#lossError();
        this.#decoder.push(chunk);
      } else if (!this.#takeAsynchronous(message)) return message;
    }
  }

  /** Messages that may come at any time; true when it was one. */
  #takeAsynchronous(message: BackendMessage): boolean {
    if (message.type === "N") {
      this.#notices.push(decodeReport(message));
      if (this.#notices.length > NOTICES_MAX) this.#notices.shift();
      return true;
    }
    if (message.type === "S") {
      const reader = new BodyReader(message);
      this.#parameters.set(reader.text(), reader.text());
      reader.end();
      return true;
    }
    return message.type === "A";
  }

  #decodeEvent(message: BackendMessage): CommandEvent | undefined {
    switch (message.type) {
      case "T":
        return { kind: "columns", names: decodeColumns(message) };
      case "D":
        return { kind: "row", values: decodeRow(message) };
      case "C":
        return { kind: "complete", tag: new BodyReader(message).text() };
      case "d":
        return { kind: "copy-data", bytes: message.body };
      case "H":
        return { kind: "copy-out" };
      case "W":
        return { kind: "copy-both" };
      case "c":
        return { kind: "copy-done" };
      case "I":
        return undefined;
      default:
        throw new DatabaseError(`${this.#where()}: unexpected message ${message.type}`);
    }
  }

  /** What it gives ends the watch: once no request of ours can hit the next command. */
  #cancelWhenAborted(signal: AbortSignal): () => Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let request: Promise<void> | undefined;
    const onAbort = () => {
      timer = setTimeout(() => this.#drop(), CANCEL_GRACE_MS);
      if (this.#cancelKey === undefined) return;
      const facts = { key: this.#cancelKey, isEncrypted: this.isEncrypted };
      const limit = AbortSignal.timeout(CANCEL_GRACE_MS);
      // A request that gets lost is made good by the timer.
      request = sendCancelRequest(this.#settings, this.endpoint, facts, limit).catch(() => {});
    };
    signal.addEventListener("abort", onAbort, { once: true });
    return async () => {
      signal.removeEventListener("abort", onAbort);
      await request;
      clearTimeout(timer);
    };
  }

  #drop(): void {
    this.abandon(this.#closedError());
  }

  #errorOf(message: BackendMessage): DatabaseError {
    return DatabaseError.ofReport(this.#where(), decodeReport(message));
  }

  /** Why the connection ended: what the server said last, where it said anything. */
  #lossError(cause?: unknown): DatabaseError {
    this.#loss ??= this.#lastWords() ?? this.#unexplainedLoss(cause);
    return this.#loss;
  }

  #lastWords(): DatabaseError | undefined {
    try {
      for (;;) {
        const message = this.#decoder.next();
        if (message?.type === "E") return this.#errorOf(message);
        if (message !== undefined) continue;
        const chunk = this.#transport.readBuffered();
        if (chunk === undefined) return undefined;
        this.#decoder.push(chunk);
      }
    } catch {
      return undefined;
    }
  }

  #unexplainedLoss(cause: unknown): DatabaseError {
    return new DatabaseError(`${this.#where()}: the connection to the server was lost`, {
      hint: "Look into the server's log for why it ended the session.",
      cause,
    });
  }

  #closedError(): DatabaseError {
    return new DatabaseError(`${this.#where()}: the connection is closed`);
  }

  #where(): string {
    return endpointName(this.endpoint);
  }
}
