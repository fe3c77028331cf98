import { crc32c } from "../../base/crc32c.ts";
import type {
  CompleteRequest,
  CreateRequest,
  DeleteFailure,
  GetAnswer,
  GetRequest,
  ListPage,
  ListRequest,
  ObjectApi,
  ObjectFacts,
  PartRequest,
  PutAnswer,
  PutRequest,
  UploadName,
} from "../service/api.ts";
import { ConnectionError, ServiceError } from "../service/errors.ts";
import { contentRangeOf, wholeHeader } from "../service/http-fields.ts";
import { readText } from "../service/transport.ts";
import { type GcsClient, PUT_ID_KEY, parseResource, RESOURCE_FIELDS } from "./client.ts";
import { ABSENT_OBJECT, ABSENT_UPLOAD } from "./errors.ts";
import type { GcsControl } from "./sdk-control.ts";
import { toBase64, UploadSession } from "./upload-session.ts";

/**
 * The calls that carry the bytes over our own transport: the SDK needs ten times their CPU when it
 * verifies, and cannot go on with a broken download. Listings and deletions are the SDK's.
 */
export class GcsApi implements ObjectApi {
  readonly #client: GcsClient;
  readonly #control: () => Promise<GcsControl>;
  readonly #sessions = new Map<string, UploadSession>();
  /** Some answers leave open whether an object is absent or its bucket; a listing tells. */
  #isBucketProven = false;

  constructor(client: GcsClient, control: () => Promise<GcsControl>) {
    this.#client = client;
    this.#control = control;
  }

  async putObject({ name, putId, body, ifAbsent, signal }: PutRequest): Promise<PutAnswer> {
    const checksum = toBase64(crc32c(body));
    // The service refuses a body with another checksum.
    const head = JSON.stringify({ ...newResource(name, putId), crc32c: checksum });
    const boundary = `tidemark-${putId}`;
    const response = await this.#client.send({
      method: "POST",
      url: this.#client.uploadUrl(newQuery("multipart", { name, ifAbsent })),
      headers: {
        ...this.#client.keyHeaders(),
        "content-type": `multipart/related; boundary=${boundary}`,
      },
      body: relatedBody(boundary, head, body),
      signal,
    });
    const stored = parseResource(await readText(response));
    if (stored.sizeBytes !== body.byteLength) {
      throw new ConnectionError(`${stored.sizeBytes} of ${body.byteLength} bytes were stored`);
    }
    return { storedAt: stored.updatedAt };
  }

  async getObject({ name, range, ifMatch, signal }: GetRequest): Promise<GetAnswer> {
    const version = ifMatch === undefined ? {} : { generation: ifMatch };
    const headers: Record<string, string> = { ...this.#client.keyHeaders() };
    if (range !== undefined) {
      headers["range"] = `bytes=${range.offset}-${range.offset + range.length - 1}`;
    }
    const url = this.#client.url(name, { alt: "media", ...version });
    const response = await this.#client.open({ method: "GET", url, headers, signal });
    if (response.status >= 300) {
      const error = await this.#explained(await this.#client.errorOf(response), signal);
      // Of the version that was being read, "no such object" means that another took its place.
      const isReplaced = ifMatch !== undefined && error.code === ABSENT_OBJECT;
      throw isReplaced ? new ServiceError({ status: 412, code: error.code, message: "" }) : error;
    }
    const sent = contentRangeOf(response.status, {
      length: wholeHeader(response.headers.get("content-length")),
      range: response.headers.get("content-range"),
    });
    const generation = response.headers.get("x-goog-generation");
    // One without is not the service's, but of something on the way.
    if (generation === null || !/^\d+$/.test(generation)) {
      throw new ConnectionError("the answer has no generation");
    }
    return { ...sent, etag: generation, body: response.body };
  }

  async headObject(name: string, signal: AbortSignal): Promise<ObjectFacts> {
    const url = this.#client.url(name, { fields: RESOURCE_FIELDS });
    const response = await this.#client.open({ method: "GET", url, signal });
    if (response.status >= 300) {
      throw await this.#explained(await this.#client.errorOf(response), signal);
    }
    const { sizeBytes, updatedAt, putId } = parseResource(await readText(response));
    return { sizeBytes, modifiedAt: updatedAt, putId };
  }

  async createMultipartUpload(request: CreateRequest): Promise<string> {
    const { name, putId, signal } = request;
    const response = await this.#client.send({
      method: "POST",
      url: this.#client.uploadUrl(newQuery("resumable", request)),
      headers: {
        ...this.#client.keyHeaders(),
        "content-type": "application/json; charset=UTF-8",
        "x-upload-content-type": CONTENT_TYPE,
      },
      body: JSON.stringify(newResource(name, putId)),
      signal,
    });
    await readText(response);
    const location = URL.parse(response.headers.get("location") ?? "");
    if (location === null) throw new ConnectionError("the new upload has no address");
    this.#sessions.set(location.href, new UploadSession(this.#client, location));
    return location.href;
  }

  async uploadPart({ uploadId, partNumber, ...part }: PartRequest): Promise<string> {
    await this.#session(uploadId).send({ partNumber, ...part });
    return String(partNumber);
  }

  async completeMultipartUpload({ uploadId }: CompleteRequest): Promise<PutAnswer> {
    const answer = this.#session(uploadId).complete();
    this.#sessions.delete(uploadId);
    return answer;
  }

  async abortMultipartUpload({ uploadId, signal }: UploadName): Promise<void> {
    await this.#session(uploadId).remove(signal);
    this.#sessions.delete(uploadId);
  }

  async listPage(request: ListRequest): Promise<ListPage> {
    return (await this.#control()).listPage(request);
  }

  async deleteObjects(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeleteFailure[]> {
    return (await this.#control()).deleteObjects(names, signal);
  }

  close(): void {}

  #session(uploadId: string): UploadSession {
    const session = this.#sessions.get(uploadId);
    if (session !== undefined) return session;
    throw new ServiceError({ status: 410, code: ABSENT_UPLOAD, message: "the upload is gone" });
  }

  /** A 404 that does not say of what: the bucket is asked, once. */
  async #explained(error: ServiceError, signal: AbortSignal): Promise<ServiceError> {
    const { status, message, retryAfterMs } = error;
    if (status !== 404 || error.code !== "") return error;
    if (!this.#isBucketProven) {
      const nothing = { prefix: "\u{10ffff}", delimiter: undefined, continueAt: undefined };
      await this.listPage({ ...nothing, after: undefined, signal });
      this.#isBucketProven = true;
    }
    return new ServiceError({ status, code: ABSENT_OBJECT, message, retryAfterMs });
  }
}

const CONTENT_TYPE = "application/octet-stream";

function newResource(name: string, putId: string) {
  return { name, contentType: CONTENT_TYPE, metadata: { [PUT_ID_KEY]: putId } };
}

function newQuery(
  uploadType: string,
  { name, ifAbsent }: { readonly name: string; readonly ifAbsent: boolean },
): Readonly<Record<string, string>> {
  const condition: Record<string, string> = ifAbsent ? { ifGenerationMatch: "0" } : {};
  return { uploadType, name, fields: RESOURCE_FIELDS, ...condition };
}

/** Document and bytes in one body, by RFC 2387. */
function relatedBody(boundary: string, document: string, bytes: Uint8Array): Uint8Array {
  const head =
    `--${boundary}\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n${document}\r\n` +
    `--${boundary}\r\ncontent-type: ${CONTENT_TYPE}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${boundary}--`)]);
}
