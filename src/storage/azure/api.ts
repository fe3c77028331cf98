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
} from "../service/api.ts";
import { ConnectionError } from "../service/errors.ts";
import { contentRangeOf, requireEtag, wholeHeader } from "../service/http-fields.ts";
import { type HttpResponse, readText } from "../service/transport.ts";
import type { AzureClient } from "./client.ts";
import type { AzureControl } from "./sdk-control.ts";

/** Names the `put` that stored a blob: its success is known when the answer is lost. */
const PUT_ID_NAME = "tidemark_put";

/**
 * The calls that carry the bytes over our own transport, with nothing to load for a process that
 * stores one segment. Listings, deletions and the ends of uploads in blocks are the SDK's.
 */
export class AzureApi implements ObjectApi {
  readonly #client: AzureClient;
  readonly #control: () => Promise<AzureControl>;

  constructor(client: AzureClient, control: () => Promise<AzureControl>) {
    this.#client = client;
    this.#control = control;
  }

  async putObject({ name, putId, body, ifAbsent, signal }: PutRequest): Promise<PutAnswer> {
    const headers: Record<string, string> = {
      "x-ms-blob-type": "BlockBlob",
      [`x-ms-meta-${PUT_ID_NAME}`]: putId,
    };
    if (ifAbsent) headers["if-none-match"] = "*";
    const response = await this.#store({ url: this.#client.url(name), headers, body, signal });
    requireEtag(response.headers.get("etag"));
    return { storedAt: dateOf(response, "last-modified") };
  }

  async getObject({ name, range, ifMatch, signal }: GetRequest): Promise<GetAnswer> {
    const headers: Record<string, string> = {};
    if (range !== undefined) {
      headers["range"] = `bytes=${range.offset}-${range.offset + range.length - 1}`;
    }
    if (ifMatch !== undefined) headers["if-match"] = ifMatch;
    const url = this.#client.url(name);
    const response = await this.#client.send({ method: "GET", url, headers, signal });
    const sent = contentRangeOf(response.status, {
      length: wholeHeader(response.headers.get("content-length")),
      range: response.headers.get("content-range"),
    });
    const etag = requireEtag(response.headers.get("etag"));
    return { ...sent, etag, body: response.body };
  }

  async headObject(name: string, signal: AbortSignal): Promise<ObjectFacts> {
    const url = this.#client.url(name);
    const response = await this.#client.send({ method: "HEAD", url, signal });
    await readText(response);
    const sizeBytes = wholeHeader(response.headers.get("content-length"));
    const modifiedAt = dateOf(response, "last-modified");
    if (sizeBytes === undefined || modifiedAt === undefined) {
      throw new ConnectionError("the answer to HEAD has no size or no date");
    }
    const putId = response.headers.get(`x-ms-meta-${PUT_ID_NAME}`) ?? undefined;
    return { sizeBytes, modifiedAt, putId };
  }

  /** Blocks belong to a name, not to an upload: the id only tells ours from those of others. */
  async createMultipartUpload({ putId }: CreateRequest): Promise<string> {
    return putId;
  }

  async uploadPart({ name, uploadId, partNumber, body, signal }: PartRequest): Promise<string> {
    // All ids of one name have one length, whoever made them: the length of the SDK's own.
    const blockId = Buffer.from(`${uploadId}${String(partNumber).padStart(16, "0")}`);
    const blockid = blockId.toString("base64");
    const url = this.#client.url(name, { comp: "block", blockid });
    await this.#store({ url, headers: {}, body, signal });
    return blockid;
  }

  async completeMultipartUpload(request: CompleteRequest): Promise<PutAnswer> {
    const metadata = { [PUT_ID_NAME]: request.uploadId };
    return (await this.#control()).commitBlocks(request, metadata);
  }

  /** The service has no call for it: it drops blocks that nobody commits after a week. */
  async abortMultipartUpload(): Promise<void> {}

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

  /** The service refuses a body that was damaged on the way, by its MD5. */
  async #store(request: {
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    readonly signal: AbortSignal;
  }): Promise<HttpResponse> {
    const md5 = new Bun.CryptoHasher("md5").update(request.body).digest("base64");
    const headers = {
      ...request.headers,
      "content-type": "application/octet-stream",
      "content-md5": md5,
    };
    const response = await this.#client.send({ method: "PUT", ...request, headers });
    await readText(response);
    // Any other success is not the service's, but of something on the way.
    if (response.status !== 201) throw new ConnectionError(`the answer is ${response.status}`);
    return response;
  }
}

function dateOf(response: HttpResponse, header: string): Date | undefined {
  const instant = Date.parse(response.headers.get(header) ?? "");
  return Number.isNaN(instant) ? undefined : new Date(instant);
}
