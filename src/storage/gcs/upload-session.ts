import { CRC32C_START, finishCrc32c, updateCrc32c } from "../../base/crc32c.ts";
import type { PartRequest, PutAnswer } from "../service/api.ts";
import { ConnectionError, ServiceError } from "../service/errors.ts";
import { type HttpResponse, readText } from "../service/transport.ts";
import { type GcsClient, type ObjectResource, parseResource } from "./client.ts";
import { ABSENT_UPLOAD } from "./errors.ts";

type Chunk = Pick<PartRequest, "partNumber" | "body" | "isLast" | "signal">;

interface Turn {
  readonly partNumber: number;
  readonly start: () => void;
}

/**
 * A resumable upload: chunks go one after the other, the last one makes the object. After a
 * failure the service is asked how much of the chunk it has, and only the rest is sent again.
 */
export class UploadSession {
  readonly #client: GcsClient;
  readonly #url: URL;
  /** Where the next chunk begins. */
  #offset = 0;
  #partNumber = 1;
  #crc = CRC32C_START;
  /** The chunk whose bytes are in the checksum already: a repetition must not count them again. */
  #countedPart = 0;
  /** A request failed: what the service has is not known. */
  #isUncertain = false;
  #outcome: { readonly answer: PutAnswer } | { readonly refusal: ServiceError } | undefined;
  readonly #turns: Turn[] = [];

  constructor(client: GcsClient, url: URL) {
    this.#client = client;
    this.#url = url;
  }

  /** Sends one chunk when its turn comes; repeated, it sends what the service has not got. */
  async send(chunk: Chunk): Promise<void> {
    await this.#turnOf(chunk);
    if (this.#countedPart < chunk.partNumber) {
      this.#crc = updateCrc32c(this.#crc, chunk.body, 0, chunk.body.byteLength);
      this.#countedPart = chunk.partNumber;
    }
    let sentBytes = this.#isUncertain ? await this.#askPosition(chunk) : 0;
    while (this.#outcome === undefined && (sentBytes < chunk.body.byteLength || chunk.isLast)) {
      this.#isUncertain = true;
      const response = await this.#put(chunk, sentBytes);
      const storedBytes = await this.#read(response, chunk);
      if (storedBytes !== undefined && storedBytes <= sentBytes) {
        throw new ConnectionError("the service took no byte of a chunk");
      }
      sentBytes = storedBytes ?? chunk.body.byteLength;
      this.#isUncertain = false;
    }
    this.#offset += chunk.body.byteLength;
    this.#partNumber += 1;
    this.#startNext();
  }

  /** What became of the last chunk. */
  complete(): PutAnswer {
    if (this.#outcome === undefined) throw new ConnectionError("the upload was not completed");
    if ("refusal" in this.#outcome) throw this.#outcome.refusal;
    return this.#outcome.answer;
  }

  async remove(signal: AbortSignal): Promise<void> {
    const response = await this.#client.openBare({ method: "DELETE", url: this.#url, signal });
    // 499 is the service's word for a removed upload.
    const isGone = response.status < 300 || [404, 410, 499].includes(response.status);
    if (!isGone) throw await this.#client.errorOf(response);
    await readText(response);
  }

  #turnOf({ partNumber, signal }: Chunk): Promise<void> | undefined {
    if (partNumber === this.#partNumber) return undefined;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      const start = () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      this.#turns.push({ partNumber, start });
    });
  }

  #startNext(): void {
    const index = this.#turns.findIndex(({ partNumber }) => partNumber === this.#partNumber);
    if (index >= 0) for (const turn of this.#turns.splice(index, 1)) turn.start();
  }

  #put({ body, isLast, signal }: Chunk, sentBytes: number): Promise<HttpResponse> {
    const first = this.#offset + sentBytes;
    const end = this.#offset + body.byteLength;
    const range = first === end ? "*" : `${first}-${end - 1}`;
    return this.#client.openBare({
      method: "PUT",
      url: this.#url,
      headers: {
        "content-range": `bytes ${range}/${isLast ? end : "*"}`,
        ...(isLast ? { "x-goog-hash": `crc32c=${this.#crcBase64()}` } : {}),
      },
      body: body.subarray(sentBytes),
      signal,
    });
  }

  /** How many bytes of the chunk the service has. */
  async #askPosition(chunk: Chunk): Promise<number> {
    const { body, isLast, signal } = chunk;
    const total = isLast ? String(this.#offset + body.byteLength) : "*";
    const response = await this.#client.openBare({
      method: "PUT",
      url: this.#url,
      headers: { "content-range": `bytes */${total}` },
      body: new Uint8Array(),
      signal,
    });
    return (await this.#read(response, chunk)) ?? body.byteLength;
  }

  /** Bytes of the chunk that are stored; undefined: the upload is over, one way or another. */
  async #read(response: HttpResponse, chunk: Chunk): Promise<number | undefined> {
    const { status } = response;
    if (status === 308) {
      await readText(response);
      return this.#positionOf(response.headers.get("range"), chunk);
    }
    if (status < 300) {
      if (!chunk.isLast) throw new ConnectionError("the service ended an upload too early");
      const resource = parseResource(await readText(response));
      this.#outcome = { answer: this.#accept(resource, chunk) };
      return undefined;
    }
    const error = await this.#client.errorOf(response);
    if (status === 404 || status === 410) {
      const gone = { status: 410, code: ABSENT_UPLOAD, message: "the upload is gone" };
      return this.#refuse(new ServiceError(gone), chunk);
    }
    if (status === 412) return this.#refuse(error, chunk);
    throw error;
  }

  #positionOf(range: string | null, { body }: Chunk): number {
    const match = /^bytes=0-(\d{1,16})$/.exec(range ?? "");
    // Without the header the service has nothing yet.
    const storedBytes = match === null ? 0 : Number(match[1]) + 1;
    const ofChunk = storedBytes - this.#offset;
    if (ofChunk < 0 || ofChunk > body.byteLength || (range !== null && match === null)) {
      throw new ServiceError({
        status: 400,
        code: "uploadPosition",
        message: `the service has ${storedBytes} bytes where ${this.#offset} were stored before`,
      });
    }
    return ofChunk;
  }

  /** What the last chunk ends with is decided by whoever completes the upload. */
  #refuse(refusal: ServiceError, { isLast }: Chunk): undefined {
    if (!isLast) throw refusal;
    this.#outcome = { refusal };
    return undefined;
  }

  #accept({ sizeBytes, updatedAt, crc32cBase64 }: ObjectResource, { body }: Chunk): PutAnswer {
    const wantedBytes = this.#offset + body.byteLength;
    const isSame = crc32cBase64 === undefined || crc32cBase64 === this.#crcBase64();
    if (sizeBytes !== wantedBytes || !isSame) {
      throw new ServiceError({
        status: 400,
        code: "uploadDamaged",
        message: `${sizeBytes} bytes are stored with another checksum than ${wantedBytes} sent`,
      });
    }
    return { storedAt: updatedAt };
  }

  #crcBase64(): string {
    return toBase64(finishCrc32c(this.#crc));
  }
}

/** A checksum as the service writes it: big-endian, in base64. */
export function toBase64(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString("base64");
}
