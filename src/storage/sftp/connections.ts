import type { SftpConnection } from "./connection.ts";

interface Entry {
  readonly opening: Promise<SftpConnection>;
  connection: SftpConnection | undefined;
  users: number;
}

/** A connection for as long as one piece of work needs it. */
export interface BorrowedConnection extends Disposable {
  readonly connection: SftpConnection;
}

/**
 * The connections to one server, at most so many. Nobody waits for a free one: sessions carry the
 * requests of several users at once, so work goes to the one with the fewest, and a further one is
 * opened while all are in use.
 */
export class SftpConnections {
  readonly #open: (signal: AbortSignal) => Promise<SftpConnection>;
  /** Learnt from refusals, too. */
  #countMax: number;
  readonly #closed = new AbortController();
  #entries: readonly Entry[] = [];

  constructor(open: (signal: AbortSignal) => Promise<SftpConnection>, countMax: number) {
    this.#open = open;
    this.#countMax = countMax;
  }

  async borrow(signal: AbortSignal): Promise<BorrowedConnection> {
    signal.throwIfAborted();
    this.#entries = this.#entries.filter(({ connection }) => connection?.isOpen !== false);
    for (let entry = this.#leastUsed() ?? this.#add(); ; ) {
      entry.users += 1;
      try {
        const connection = await abortable(entry.opening, signal);
        return { connection, [Symbol.dispose]: giveBackOnce(entry) };
      } catch (error) {
        entry.users -= 1;
        signal.throwIfAborted();
        const other = this.#other(entry);
        if (other === undefined) throw error;
        entry = other;
      }
    }
  }

  close(): void {
    this.#closed.abort(new Error("the storage was closed"));
    for (const { connection } of this.#entries) connection?.close();
    this.#entries = [];
  }

  /** undefined: a further connection is to be opened. */
  #leastUsed(): Entry | undefined {
    const least = this.#entries.toSorted(byUsers)[0];
    const mayAdd = this.#entries.length < this.#countMax;
    return least !== undefined && (least.users === 0 || !mayAdd) ? least : undefined;
  }

  /** A server may allow fewer connections than we do: one that stands, or comes, will do. */
  #other(failed: Entry): Entry | undefined {
    const others = this.#entries.filter(
      (entry) => entry !== failed && entry.connection?.isOpen !== false,
    );
    if (others.length > 0) this.#countMax = others.length;
    return others.toSorted(byUsers)[0];
  }

  #add(): Entry {
    // Opened for whoever comes: one user's abort does not end it for the others.
    const opening = this.#open(this.#closed.signal);
    const entry: Entry = { opening, connection: undefined, users: 0 };
    this.#entries = [...this.#entries, entry];
    opening.then(
      (connection) => {
        entry.connection = connection;
        if (this.#closed.signal.aborted) connection.close();
      },
      () => {
        this.#entries = this.#entries.filter((other) => other !== entry);
      },
    );
    return entry;
  }
}

/** The promise, or the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // Nobody waits for it any more.
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function byUsers(left: Entry, right: Entry): number {
  return left.users - right.users;
}

function giveBackOnce(entry: Entry): () => void {
  let isDone = false;
  return () => {
    if (!isDone) entry.users -= 1;
    isDone = true;
  };
}
