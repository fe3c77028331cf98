import type { SFTPWrapper } from "ssh2";
import type SftpClient from "ssh2-sftp-client";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { SftpConnectionError, SftpStatusError, STATUS } from "./errors.ts";

type Done<T> = (error?: Error | null, value?: T) => void;

/** One request: it is given the session and calls back with the answer. */
export type Request<T> = (session: SFTPWrapper, done: Done<T>) => void;

/** What a server may do for long without a word: making much data durable. */
const PATIENCE_FOR_SYNC = 10;

/**
 * One SSH connection with its SFTP session. The library forgets requests of a connection that
 * ended (their callbacks are never called) and waits for answers for ever; here every request is
 * settled: answered, or failed with the connection.
 */
export class SftpConnection {
  readonly #client: SftpClient;
  readonly #session: SFTPWrapper;
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  readonly #pending = new Map<(error: Error) => void, number>();
  readonly #ended = new AbortController();
  #failure: SftpConnectionError | undefined;
  #answerCount = 0;
  #isWatched = false;

  constructor(
    client: SftpClient,
    session: SFTPWrapper,
    options: { readonly clock: Clock; readonly idleTimeoutMs: number },
  ) {
    this.#client = client;
    this.#session = session;
    this.#clock = options.clock;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    client.client.on("error", (cause) => this.fail("the connection broke", cause));
    client.client.on("close", () => this.fail("the server closed the connection"));
    session.on("close", () => this.fail("the server ended the session"));
    session.on("error", (cause: Error) => this.fail("the session broke", cause));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  /** A request whose answer is that it was done; `isSlow`: the server may need minutes. */
  async run(send: Request<void>, isSlow = false): Promise<void> {
    await this.#request(send, isSlow ? PATIENCE_FOR_SYNC : 1);
  }

  /** A request that is answered with something. */
  async ask<T>(send: Request<T>): Promise<T> {
    const answer = await this.#request(send, 1);
    if (answer === undefined) throw new SftpConnectionError("the server answered with nothing");
    return answer;
  }

  /** Every request under way fails, and no further one is sent. */
  fail(message: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    const failure = new SftpConnectionError(message, { cause });
    this.#failure = failure;
    this.#ended.abort();
    for (const reject of [...this.#pending.keys()]) reject(failure);
    this.#client.client.destroy();
  }

  /** Takes leave without waiting for the server: everything that counts was answered. */
  close(): void {
    if (this.#failure !== undefined) return;
    this.#failure = new SftpConnectionError("the storage was closed", { isTransient: false });
    for (const reject of [...this.#pending.keys()]) reject(this.#failure);
    this.#ended.abort();
    // That the server did not answer is no news any more.
    this.#client.end().catch(() => {});
    this.#client.client.destroy();
  }

  #request<T>(send: Request<T>, patience: number): Promise<T | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const settle = (): boolean => this.#pending.delete(fail);
      const fail = (error: Error) => {
        if (settle()) reject(error);
      };
      this.#pending.set(fail, patience);
      void this.#watch();
      try {
        send(this.#session, (error, value) => {
          this.#answerCount += 1;
          if (error === undefined || error === null) {
            if (settle()) resolve(value);
          } else fail(toRequestError(error));
        });
      } catch (error) {
        // The library refuses what needs an extension that the server does not have.
        fail(new SftpStatusError(STATUS.unsupported, messageOf(error)));
      }
    });
  }

  /** Ends a connection on which requests wait and nothing is answered. */
  async #watch(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    let patience = 1;
    for (let idleCount = 0; this.#pending.size > 0 && this.isOpen; ) {
      const seen = this.#answerCount;
      patience = Math.max(...this.#pending.values());
      try {
        await this.#clock.sleep(this.#idleTimeoutMs, this.#ended.signal);
      } catch {
        return;
      }
      idleCount = seen === this.#answerCount ? idleCount + 1 : 0;
      if (idleCount >= patience && this.#pending.size > 0) {
        const seconds = Math.round((idleCount * this.#idleTimeoutMs) / 1000);
        this.fail(`the server did not answer for ${seconds} s`);
      }
    }
    this.#isWatched = false;
  }
}

/** A status has a number; everything else is the end of the connection. */
function toRequestError(error: unknown): Error {
  if (error instanceof Error && "code" in error && typeof error.code === "number") {
    return new SftpStatusError(error.code, error.message);
  }
  return new SftpConnectionError(messageOf(error), { cause: error });
}
