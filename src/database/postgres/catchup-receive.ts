import { CorruptObjectError, messageOf } from "../../base/errors.ts";
import { parseJsonObject } from "../../base/json.ts";
import { JsonDocument } from "../../base/json-document.ts";
import type { Logger } from "../../base/log.ts";
import type { ByteStream, Stage } from "../../stream/byte-stream.ts";
import { freedWhenRecycled, recycle } from "../../stream/chunk-pool.ts";
import { CatchupApply } from "./catchup-apply.ts";
import { decodeOffer, type Letters } from "./catchup-letters.ts";
import type { CatchupPeer } from "./catchup-peer.ts";
import { type CatchupStandby, placeOf } from "./catchup-standby.ts";
import { CATCHUP_MAGIC, FRAME, type Frame, PLAIN_BYTES_MAX, readFrames } from "./catchup-wire.ts";
import type { BackupFiles } from "./restore-files.ts";
import { DatabaseError } from "./wire/server-error.ts";

export interface CatchupReceive {
  readonly standby: CatchupStandby;
  readonly peer: CatchupPeer;
  readonly letters: Letters;
  /** What the peer sends after its magic. */
  readonly received: () => ByteStream;
  readonly decrypt: Stage;
  readonly syncsFiles: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onPlainBytes?: (bytes: number) => void;
}

/** Brings the standby forward with what the sender sends; its name. */
export async function receiveCatchup(receive: CatchupReceive): Promise<string> {
  const { standby, peer, letters } = receive;
  await peer.send(CATCHUP_MAGIC);
  const { systemIdentifier } = standby.control;
  const { majorVersion } = standby;
  await letters.sendHello({ ...placeOf(standby), systemIdentifier, majorVersion });
  await letters.readMagic();
  try {
    const name = await new Receiver(receive).run();
    await letters.sendResult({ error: undefined });
    await peer.part();
    return name;
  } catch (error) {
    try {
      await letters.sendResult({ error: messageOf(error) });
      await peer.part();
    } catch {
      // The sender waits for a word; whether it gets it changes nothing here.
    }
    throw error;
  }
}

class Receiver {
  readonly #receive: CatchupReceive;
  readonly #frames: AsyncGenerator<Frame>;
  readonly #increments = new Set<string>();
  #partCount = 0;
  #plainBytes = 0;

  constructor(receive: CatchupReceive) {
    this.#receive = receive;
    this.#frames = readFrames(receive.decrypt(receive.received()));
  }

  async run(): Promise<string> {
    const { standby, syncsFiles, log, signal } = this.#receive;
    try {
      const { offer, tablespaces } = decodeOffer(textOf(await this.#expect(FRAME.begin)));
      log.info(`${offer.name} is received`);
      const facts = { standby, offer, tablespaces, syncsFiles, log, signal };
      await using apply = await CatchupApply.begin(facts);
      let frame = await this.#next();
      for (; frame.kind !== FRAME.end; frame = await this.#next()) {
        if (frame.kind !== FRAME.part) throw strange(frame);
        await this.#part(textOf(frame), apply);
      }
      await this.#checkEnd(textOf(frame));
      await apply.finish();
      return offer.name;
    } finally {
      await this.#frames.return(undefined);
    }
  }

  async #checkEnd(text: string): Promise<void> {
    const what = "the sender's last word";
    const facts = new JsonDocument(what, parseJsonObject(text, what));
    const isWhole =
      facts.count("partCount") === this.#partCount &&
      facts.count("plainBytes") === this.#plainBytes;
    if (!isWhole) throw new CorruptObjectError(what, "counts other parts than came");
    // The stream's own end proves the cipher's.
    const after = await this.#frames.next();
    if (after.done !== true) throw strange(after.value);
  }

  async #part(name: string, apply: CatchupApply): Promise<void> {
    this.#increments.clear();
    const files = announcedFiles(this.#increments);
    const part = { name, receipt: undefined, files, isForeign: false, isEndLenient: false };
    await apply.applyPart(part, this.#content());
    this.#partCount += 1;
  }

  async *#content(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = await this.#next();
      if (frame.kind === FRAME.partEnd) return;
      if (frame.kind === FRAME.increment) this.#increments.add(textOf(frame));
      else if (frame.kind === FRAME.data) {
        const plain = await decompressed(frame.content);
        this.#plainBytes += plain.byteLength;
        this.#receive.onPlainBytes?.(plain.byteLength);
        yield plain;
      } else throw strange(frame);
    }
  }

  async #expect(kind: Frame["kind"]): Promise<Frame> {
    const frame = await this.#next();
    if (frame.kind !== kind) throw strange(frame);
    return frame;
  }

  /** The next frame that says something. */
  async #next(): Promise<Frame> {
    for (;;) {
      this.#receive.signal.throwIfAborted();
      const next = await this.#frames.next();
      if (next.done === true) {
        throw new CorruptObjectError("what the sender sent", "ends before its end", {
          hint: "The sender died or the connection broke: repeat both commands.",
        });
      }
      const frame = next.value;
      if (frame.kind === FRAME.fail) {
        throw new DatabaseError(`the sender failed: ${textOf(frame)}`, {
          hint: "Its log says more. Unless a catchup completes, the standby cannot be started.",
        });
      }
      if (frame.kind !== FRAME.alive) return frame;
    }
  }
}

/** All that comes is wanted; increments are those that the sender announced. */
function announcedFiles(increments: ReadonlySet<string>): BackupFiles {
  return {
    isNewest: true,
    isListed: false,
    wants: () => true,
    isIncrement: (name) => increments.has(name),
    writtenPages: () => undefined,
    needsMore: () => true,
    markRestored: () => {},
    isRedundant: () => false,
    missing: () => [],
  };
}

async function decompressed(content: Uint8Array): Promise<Uint8Array> {
  let plain: Uint8Array;
  try {
    plain = freedWhenRecycled(await Bun.zstdDecompress(content));
    recycle(content);
  } catch (cause) {
    throw new CorruptObjectError("what the sender sent", messageOf(cause), { cause });
  }
  if (plain.byteLength <= PLAIN_BYTES_MAX) return plain;
  throw new CorruptObjectError("what the sender sent", "has a frame that is too long");
}

function textOf({ content }: Frame): string {
  return new TextDecoder().decode(content);
}

function strange({ kind }: Frame): CorruptObjectError {
  return new CorruptObjectError("what the sender sent", `has a frame of kind ${kind} out of place`);
}
