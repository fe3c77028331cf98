import type { CommandEvent, WireConnection } from "./wire/connection.ts";
import { BodyReader } from "./wire/message-codec.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** What a message of the one copy says, where it matters. */
export type CopyMessage =
  | { readonly kind: "archive"; readonly name: string }
  | { readonly kind: "data"; readonly bytes: Uint8Array };

/** The events of the command one by one. */
export class EventReader {
  readonly #connection: WireConnection;
  readonly #events: AsyncGenerator<CommandEvent, void, void>;
  #isWaiting = false;
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(connection: WireConnection, events: AsyncGenerator<CommandEvent, void, void>) {
    this.#connection = connection;
    this.#events = events;
  }

  /**
   * A dead network tells nobody: from now on a server that is waited for and silent is lost. One
   * timer serves all messages, as one for each of thousands a second would cost too much.
   */
  limitSilence(silenceMaxMs: number): void {
    const count = this.#count;
    this.#timer = setTimeout(() => {
      if (!this.#isWaiting || this.#count !== count) {
        this.limitSilence(silenceMaxMs);
        return;
      }
      const message = `BASE_BACKUP: the server sent nothing for ${silenceMaxMs / 1000} s`;
      const hint = "Look at the load of the server and at the network; take a new backup.";
      this.#connection.abandon(new DatabaseError(message, { hint }));
    }, silenceMaxMs);
  }

  async next(): Promise<CommandEvent | undefined> {
    this.#count += 1;
    this.#isWaiting = true;
    try {
      const { value, done } = await this.#events.next();
      this.#isOver = done === true;
      return value ?? undefined;
    } finally {
      this.#isWaiting = false;
    }
  }

  /** Ends a command that is not over by dropping the connection: what waits for it fails. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#isOver) return;
    this.#connection.abandon(new DatabaseError("BASE_BACKUP was given up half-way"));
    await this.#events.return();
  }
}

/** The rows of the next result. */
export async function readRows(
  events: EventReader,
): Promise<readonly (readonly (string | null)[])[]> {
  expectEvent(await events.next(), "columns");
  const rows: (readonly (string | null)[])[] = [];
  for (;;) {
    const event = await events.next();
    if (event?.kind === "complete") return rows;
    rows.push(expectEvent(event, "row").values);
  }
}

/** The next message of the one copy that matters; undefined at the copy's end. */
export async function nextCopyMessage(events: EventReader): Promise<CopyMessage | undefined> {
  for (;;) {
    const event = await events.next();
    if (event?.kind === "copy-done") return undefined;
    const { bytes } = expectEvent(event, "copy-data");
    const reader = new BodyReader({ type: "d", body: bytes });
    const letter = String.fromCharCode(reader.uint8());
    if (letter === "d") return { kind: "data", bytes: reader.rest() };
    if (letter === "n") {
      const name = reader.text();
      reader.text();
      reader.end();
      return { kind: "archive", name };
    }
    if (letter !== "p") throw unexpected(`a copy message ${JSON.stringify(letter)}`);
  }
}

export function expectEvent<K extends CommandEvent["kind"]>(
  event: CommandEvent | undefined,
  kind: K,
): Extract<CommandEvent, { kind: K | string }> & { readonly kind: K } {
  if (event?.kind !== kind) throw unexpected(`${event?.kind ?? "the end"} instead of ${kind}`);
  return event as Extract<CommandEvent, { kind: K | string }> & { readonly kind: K };
}

export function column(row: readonly (string | null)[] | undefined, index: number): string {
  const value = row?.[index];
  if (typeof value === "string") return value;
  throw unexpected("a result without its value");
}

export function unexpected(what: string): DatabaseError {
  return new DatabaseError(`BASE_BACKUP: the server sent ${what}`);
}
