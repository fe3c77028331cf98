/**
 * Messages of PostgreSQL's protocol 3.0 (the manual's chapter "Frontend/Backend Protocol").
 *
 * Every message: type (1 byte, missing in the three start-up packets) · length (4 bytes, big
 * endian, counts itself and the rest but not the type) · fields. Texts end with a zero byte.
 */
import { DatabaseError, type ServerReport } from "./server-error.ts";

export interface BackendMessage {
  /** One letter, as the manual writes it: `R`, `Z`, `D`, … */
  readonly type: string;
  readonly body: Uint8Array;
}

const HEADER_BYTES = 5;
/** The server's own limit of a message: 1 GiB less one byte (`PQ_LARGE_MESSAGE_LIMIT`). */
const MESSAGE_BYTES_MAX = 0x3fff_ffff;
const PROTOCOL_VERSION = 196_608;
const SSL_REQUEST_CODE = 80_877_103;
const CANCEL_REQUEST_CODE = 80_877_102;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Cuts a byte stream into messages. What it returns are views of the chunks where possible. */
export class MessageDecoder {
  readonly #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.byteLength;
  }

  /** Bytes that belong to no complete message yet, or to messages not taken. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** The next message, or undefined until more bytes have come. */
  next(): BackendMessage | undefined {
    if (this.#bufferedBytes < HEADER_BYTES) return undefined;
    const header = this.#view(HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, HEADER_BYTES);
    const lengthBytes = view.getUint32(1);
    if (lengthBytes < 4 || lengthBytes > MESSAGE_BYTES_MAX) {
      throw new DatabaseError(`the server sent a message of impossible length ${lengthBytes}`, {
        hint: "Check that host and port are those of a PostgreSQL server.",
      });
    }
    if (this.#bufferedBytes < lengthBytes + 1) return undefined;
    const type = String.fromCharCode(view.getUint8(0));
    return { type, body: this.#take(lengthBytes + 1).subarray(HEADER_BYTES) };
  }

  /** The first bytes, which are known to be there, without taking them. */
  #view(sizeBytes: number): Uint8Array {
    this.#gather(sizeBytes);
    return this.#first().subarray(0, sizeBytes);
  }

  #take(sizeBytes: number): Uint8Array {
    this.#gather(sizeBytes);
    const first = this.#first();
    if (first.byteLength === sizeBytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(sizeBytes);
    this.#bufferedBytes -= sizeBytes;
    return first.subarray(0, sizeBytes);
  }

  /** Makes the first chunk hold at least so many bytes. */
  #gather(sizeBytes: number): void {
    if (this.#first().byteLength >= sizeBytes) return;
    const whole = new Uint8Array(sizeBytes);
    let offset = 0;
    while (offset < sizeBytes) {
      const chunk = this.#first();
      const part = chunk.subarray(0, sizeBytes - offset);
      whole.set(part, offset);
      offset += part.byteLength;
      if (part.byteLength === chunk.byteLength) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.byteLength);
    }
    this.#chunks.unshift(whole);
  }

  #first(): Uint8Array {
    return this.#chunks[0] ?? new Uint8Array(0);
  }
}

/** Reads the fields of one message; running off its end is an error, as is anything left over. */
export class BodyReader {
  readonly #type: string;
  readonly #body: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(message: BackendMessage) {
    this.#type = message.type;
    this.#body = message.body;
    this.#view = new DataView(
      message.body.buffer,
      message.body.byteOffset,
      message.body.byteLength,
    );
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  bytes(sizeBytes: number): Uint8Array {
    const start = this.#advance(sizeBytes);
    return this.#body.subarray(start, start + sizeBytes);
  }

  rest(): Uint8Array {
    return this.bytes(this.#body.byteLength - this.#offset);
  }

  text(): string {
    const end = this.#body.indexOf(0, this.#offset);
    if (end < 0) throw this.#malformed("a text without end");
    const text = DECODER.decode(this.#body.subarray(this.#offset, end));
    this.#offset = end + 1;
    return text;
  }

  /** Proves that every byte was read. */
  end(): void {
    if (this.#offset !== this.#body.byteLength) throw this.#malformed("bytes left over");
  }

  #advance(sizeBytes: number): number {
    const start = this.#offset;
    if (sizeBytes < 0 || start + sizeBytes > this.#body.byteLength) {
      throw this.#malformed("it is too short");
    }
    this.#offset = start + sizeBytes;
    return start;
  }

  #malformed(detail: string): DatabaseError {
    return new DatabaseError(`the server sent a malformed message ${this.#type}: ${detail}`);
  }
}

/** ErrorResponse and NoticeResponse. */
export function decodeReport(message: BackendMessage): ServerReport {
  const reader = new BodyReader(message);
  const fields = new Map<string, string>();
  for (let code = reader.uint8(); code !== 0; code = reader.uint8()) {
    fields.set(String.fromCharCode(code), reader.text());
  }
  reader.end();
  return {
    severity: fields.get("V") ?? fields.get("S") ?? "ERROR",
    sqlState: fields.get("C") ?? "XX000",
    message: fields.get("M") ?? "no message",
    detail: fields.get("D"),
    hint: fields.get("H"),
  };
}

/** The column names of a RowDescription. */
export function decodeColumns(message: BackendMessage): readonly string[] {
  const reader = new BodyReader(message);
  const columns: string[] = [];
  for (let left = reader.uint16(); left > 0; left -= 1) {
    columns.push(reader.text());
    // Table, column number, type, type size, type modifier, format: all text to us.
    reader.bytes(4 + 2 + 4 + 2 + 4 + 2);
  }
  reader.end();
  return columns;
}

/** The values of a DataRow as the server's text. */
export function decodeRow(message: BackendMessage): readonly (string | null)[] {
  const reader = new BodyReader(message);
  const values: (string | null)[] = [];
  for (let left = reader.uint16(); left > 0; left -= 1) {
    const sizeBytes = reader.int32();
    values.push(sizeBytes === -1 ? null : DECODER.decode(reader.bytes(sizeBytes)));
  }
  reader.end();
  return values;
}

/** A message with a type, of the given pieces. */
export function encodeMessage(type: string, ...pieces: readonly Uint8Array[]): Uint8Array {
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const message = new Uint8Array(HEADER_BYTES + sizeBytes);
  message[0] = type.charCodeAt(0);
  new DataView(message.buffer).setUint32(1, 4 + sizeBytes);
  let offset = HEADER_BYTES;
  for (const piece of pieces) {
    message.set(piece, offset);
    offset += piece.byteLength;
  }
  return message;
}

/** A text field. A zero byte inside would end it early and let the rest act as other fields. */
export function textField(text: string): Uint8Array {
  if (text.includes("\0")) throw new DatabaseError("a text for the server holds a zero byte");
  return ENCODER.encode(`${text}\0`);
}

export function int32Field(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
}

export function encodeStartup(parameters: Readonly<Record<string, string>>): Uint8Array {
  const pieces = [int32Field(PROTOCOL_VERSION)];
  for (const [name, value] of Object.entries(parameters)) {
    pieces.push(textField(name), textField(value));
  }
  pieces.push(new Uint8Array(1));
  return encodeUntyped(pieces);
}

export function encodeSslRequest(): Uint8Array {
  return encodeUntyped([int32Field(SSL_REQUEST_CODE)]);
}

export function encodeCancelRequest(key: {
  readonly processId: number;
  readonly secret: Uint8Array;
}): Uint8Array {
  return encodeUntyped([int32Field(CANCEL_REQUEST_CODE), int32Field(key.processId), key.secret]);
}

function encodeUntyped(pieces: readonly Uint8Array[]): Uint8Array {
  return encodeMessage("\0", ...pieces).subarray(1);
}
