import { CorruptObjectError } from "../../base/errors.ts";
import { parseJsonObject } from "../../base/json.ts";
import { JsonDocument } from "../../base/json-document.ts";
import { formatLsn, parseLsn } from "../../delta/lsn.ts";
import type { ByteReader } from "../../stream/byte-reader.ts";
import { bytesSource, collect, concatBytes, type Stage } from "../../stream/byte-stream.ts";
import { type CatchupPeer, CatchupPeerError } from "./catchup-peer.ts";
import type { CatchupOffer, StandbyPlace } from "./catchup-standby.ts";
import { CATCHUP_MAGIC } from "./catchup-wire.ts";
import type { TablespaceLink } from "./tablespace-links.ts";

const LETTER_BYTES_MAX = 1 << 20;
const FORMAT = 1;

/** What the receiver says of its standby. */
export interface StandbyHello extends StandbyPlace {
  readonly systemIdentifier: bigint;
  readonly majorVersion: string;
}

/** How it ended at the receiver; undefined: it has everything in place. */
export interface CatchupResult {
  readonly error: string | undefined;
}

export interface OfferedCatchup {
  readonly offer: CatchupOffer;
  readonly tablespaces: readonly TablespaceLink[];
}

/** The short messages of a catchup, each through the cipher by itself. */
export class Letters {
  readonly #peer: CatchupPeer;
  readonly #reader: ByteReader;
  readonly #encrypt: Stage;
  readonly #decrypt: Stage;

  constructor(
    peer: CatchupPeer,
    options: { readonly reader: ByteReader; readonly encrypt: Stage; readonly decrypt: Stage },
  ) {
    this.#peer = peer;
    this.#reader = options.reader;
    this.#encrypt = options.encrypt;
    this.#decrypt = options.decrypt;
  }

  /** The other side must be of our kind: the first thing that either says. */
  async readMagic(): Promise<void> {
    const magic = await this.#reader.read(CATCHUP_MAGIC.byteLength);
    if (Buffer.compare(magic, CATCHUP_MAGIC) === 0) return;
    const isEmpty = magic.byteLength === 0;
    throw new CatchupPeerError(this.#peer.name, isEmpty ? "said nothing" : "speaks otherwise", {
      hint: "Both sides must be tidemark of the same version: WAL-G's pair speaks Go's gob.",
    });
  }

  async sendHello(hello: StandbyHello): Promise<void> {
    await this.#write({
      format: FORMAT,
      systemIdentifier: `${hello.systemIdentifier}`,
      majorVersion: hello.majorVersion,
      timeline: hello.timeline,
      knownLsn: formatLsn(hello.knownLsn),
      reachedLsn: formatLsn(hello.reachedLsn),
    });
  }

  async readHello(): Promise<StandbyHello> {
    const letter = await this.#read("what the receiver says of its standby");
    const format = letter.count("format");
    if (format !== FORMAT) throw letter.fault("format", `is ${format}, not ${FORMAT}`);
    return {
      systemIdentifier: BigInt(
        letter.required("systemIdentifier", letter.text("systemIdentifier")),
      ),
      majorVersion: letter.required("majorVersion", letter.text("majorVersion")),
      timeline: letter.required("timeline", letter.count("timeline")),
      knownLsn: parseLsn(letter.required("knownLsn", letter.text("knownLsn"))),
      reachedLsn: parseLsn(letter.required("reachedLsn", letter.text("reachedLsn"))),
    };
  }

  async sendResult({ error }: CatchupResult): Promise<void> {
    await this.#write(error === undefined ? {} : { error });
  }

  async readResult(): Promise<CatchupResult> {
    const letter = await this.#read("how it ended at the receiver");
    return { error: letter.text("error") };
  }

  async #write(content: unknown): Promise<void> {
    const source = bytesSource(JSON.stringify(content));
    const plain = source.open(new AbortController().signal);
    const bytes = await collect(this.#encrypt(plain), LETTER_BYTES_MAX);
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, bytes.byteLength, true);
    await this.#peer.send(concatBytes([size, bytes]));
  }

  async #read(what: string): Promise<JsonDocument> {
    const size = await this.#reader.read(4);
    if (size.byteLength < 4) throw new CatchupPeerError(this.#peer.name, "hung up");
    const sizeBytes = new DataView(size.buffer, size.byteOffset, 4).getUint32(0, true);
    if (sizeBytes > LETTER_BYTES_MAX) throw new CorruptObjectError(what, "is too long");
    const sealed = await this.#reader.read(sizeBytes);
    if (sealed.byteLength < sizeBytes) throw new CatchupPeerError(this.#peer.name, "hung up");
    const source = bytesSource(sealed).open(new AbortController().signal);
    const bytes = await collect(this.#decrypt(source), LETTER_BYTES_MAX);
    return new JsonDocument(what, parseJsonObject(new TextDecoder().decode(bytes), what));
  }
}

export function encodeOffer(offer: CatchupOffer, tablespaces: readonly TablespaceLink[]): string {
  return JSON.stringify({
    name: offer.name,
    systemIdentifier: `${offer.systemIdentifier}`,
    pgVersion: offer.pgVersion,
    timeline: offer.timeline,
    sinceLsn: formatLsn(offer.sinceLsn),
    startLsn: formatLsn(offer.startLsn),
    // Name and place by turns.
    tablespaces: tablespaces.flatMap(({ oid, location }) => [oid, location]),
  });
}

export function decodeOffer(text: string): OfferedCatchup {
  const what = "what the sender offers";
  const offer = new JsonDocument(what, parseJsonObject(text, what));
  const required = (key: string) => offer.required(key, offer.text(key));
  const places = offer.texts("tablespaces") ?? [];
  const tablespaces: TablespaceLink[] = [];
  for (let at = 0; at + 1 < places.length; at += 2) {
    tablespaces.push({ oid: places[at] ?? "", location: places[at + 1] ?? "" });
  }
  for (const { oid, location } of tablespaces) {
    if (/^\d{1,10}$/.test(oid) && location.startsWith("/")) continue;
    throw offer.fault("tablespaces", `has ${JSON.stringify(oid)} at ${JSON.stringify(location)}`);
  }
  return {
    offer: {
      name: required("name"),
      systemIdentifier: BigInt(required("systemIdentifier")),
      pgVersion: offer.required("pgVersion", offer.count("pgVersion")),
      timeline: offer.required("timeline", offer.count("timeline")),
      sinceLsn: parseLsn(required("sinceLsn")),
      startLsn: parseLsn(required("startLsn")),
    },
    tablespaces,
  };
}
