import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { messageOf, ToolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Stage } from "../../stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../../stream/chunk-pool.ts";
import type { BackupPart, BackupSession } from "../adapter.ts";
import type { CatchupRequest } from "./catchup-begin.ts";
import { encodeOffer, type Letters, type StandbyHello } from "./catchup-letters.ts";
import type { CatchupPeer } from "./catchup-peer.ts";
import { type CatchupOffer, proveTimeline } from "./catchup-standby.ts";
import {
  CATCHUP_MAGIC,
  FRAME,
  type FrameKind,
  FrameWriter,
  PLAIN_BYTES_MAX,
} from "./catchup-wire.ts";
import type { TablespaceLink } from "./tablespace-links.ts";
import { DatabaseError } from "./wire/server-error.ts";

/** How long the sender is silent at most while its server works. */
const ALIVE_EVERY_MS = 10_000;
/** More than any cipher holds back. */
const ALIVE_BYTES = 128 << 10;

export interface CatchupSend {
  /** Absolute. */
  readonly dataDir: string;
  readonly peer: CatchupPeer;
  readonly letters: Letters;
  readonly encrypt: Stage;
  beginBackup(request: CatchupRequest): Promise<BackupSession>;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onPlainBytes?: (bytes: number) => void;
}

export interface SentCatchup {
  readonly name: string;
  readonly plainBytes: number;
}

/** Sends what the standby at the other end lacks; returns once it has it all in place. */
export async function sendCatchup(send: CatchupSend): Promise<SentCatchup> {
  const { peer, letters, encrypt } = send;
  await peer.send(CATCHUP_MAGIC);
  await letters.readMagic();
  const sender = new Sender(send, await letters.readHello());
  const answer = letters.readResult().then(({ error }) => {
    if (error !== undefined) throw new ReceiverFailedError(error);
  });
  // A word before we are through can only be one of failure.
  const refused = answer.then(() => {
    throw new ReceiverFailedError("it ended early");
  });
  // Seen by the race below; it may come before, or after all of it.
  refused.catch(() => {});
  for await (const bytes of encrypt(sender.frames())) {
    await Promise.race([peer.send(bytes), refused]);
    recycle(bytes);
  }
  await peer.endSending();
  sender.throwFailure();
  await answer;
  return sender.sent();
}

/** The other side gave up; its message is part of this one's. */
export class ReceiverFailedError extends ToolError {
  constructor(detail: string) {
    super({
      code: "database",
      message: `the receiver failed: ${detail}`,
      hint: "Its log says more. Unless a catchup completes, the standby cannot be started.",
    });
  }
}

class Sender {
  readonly #send: CatchupSend;
  readonly #hello: StandbyHello;
  readonly #writer = new FrameWriter();
  /** Frames that go before the next data; numbered when they go. */
  #announced: { readonly kind: FrameKind; readonly text: string }[] = [];
  #name = "";
  #plainBytes = 0;
  #partCount = 0;
  #failure: unknown;

  constructor(send: CatchupSend, hello: StandbyHello) {
    this.#send = send;
    this.#hello = hello;
  }

  /** Ends without an error: the receiver is told of one in a frame. */
  async *frames(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#alive(this.#content());
    } catch (error) {
      this.#failure = error;
      yield* this.#frame(FRAME.fail, messageOf(error).slice(0, 1000));
    }
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  sent(): SentCatchup {
    return { name: this.#name, plainBytes: this.#plainBytes };
  }

  async *#content(): AsyncGenerator<Uint8Array> {
    const { beginBackup } = this.#send;
    await using session = await beginBackup({
      sinceLsn: this.#hello.knownLsn,
      onBegun: (offer, tablespaces) => this.#begin(offer, tablespaces),
      onIncrement: (path) => this.#announce(FRAME.increment, path),
    });
    this.#name = session.name;
    yield* this.#takeAnnounced();
    const lost = session.lost;
    // Seen by the races below.
    lost.catch(() => {});
    for await (const part of session.parts()) yield* this.#part(part, lost);
    for (const part of await Promise.race([session.finish(), lost])) yield* this.#part(part, lost);
    const facts = { partCount: this.#partCount, plainBytes: this.#plainBytes };
    yield* this.#frame(FRAME.end, JSON.stringify(facts));
  }

  async #begin(offer: CatchupOffer, tablespaces: readonly TablespaceLink[]): Promise<void> {
    const { systemIdentifier, reachedLsn } = this.#hello;
    if (systemIdentifier !== offer.systemIdentifier) {
      throw new DatabaseError(
        `the standby is of system ${systemIdentifier}, this server of ${offer.systemIdentifier}`,
        { hint: "They are different clusters: check both directories." },
      );
    }
    if (offer.startLsn < reachedLsn)
      throw new DatabaseError("Catchup destination is already ahead");
    await proveTimeline(this.#hello, offer, async (name) => {
      const path = join(this.#send.dataDir, "pg_wal", name);
      return existsSync(path) ? readFileSync(path) : undefined;
    });
    this.#announce(FRAME.begin, encodeOffer(offer, tablespaces));
  }

  async *#part(part: BackupPart, lost: Promise<never>): AsyncGenerator<Uint8Array> {
    const { signal, onPlainBytes } = this.#send;
    yield* this.#frame(FRAME.part, part.name);
    const chunks = part.source.open(signal)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await Promise.race([chunks.next(), lost]);
        if (next.done === true) break;
        const plain = next.value;
        assert(plain.byteLength <= PLAIN_BYTES_MAX, "chunks of a tar are small");
        const compressed = await Bun.zstdCompress(plain, { level: 3 });
        this.#plainBytes += plain.byteLength;
        onPlainBytes?.(plain.byteLength);
        recycle(plain);
        yield* this.#takeAnnounced();
        yield* this.#frame(FRAME.data, freedWhenRecycled(compressed));
      }
    } finally {
      await chunks.return?.();
    }
    yield* this.#frame(FRAME.partEnd, "");
    this.#partCount += 1;
  }

  /** While nothing comes, the other side sees that we are there. */
  async *#alive(frames: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = frames.next();
        let result = await withinMs(next, ALIVE_EVERY_MS);
        for (; result === undefined; result = await withinMs(next, ALIVE_EVERY_MS)) {
          yield* this.#frame(FRAME.alive, new Uint8Array(ALIVE_BYTES));
        }
        if (result.done === true) return;
        yield result.value;
      }
    } finally {
      await frames.return(undefined);
    }
  }

  *#takeAnnounced(): Generator<Uint8Array> {
    const announced = this.#announced;
    this.#announced = [];
    for (const { kind, text } of announced) yield* this.#frame(kind, text);
  }

  #announce(kind: FrameKind, text: string): void {
    this.#announced.push({ kind, text });
  }

  *#frame(kind: FrameKind, content: Uint8Array | string): Generator<Uint8Array> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    yield* this.#writer.encode(kind, bytes);
  }
}

/** undefined: it takes longer. */
async function withinMs<T>(work: Promise<T>, delayMs: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), delayMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
