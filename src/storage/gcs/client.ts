import { ConnectionError, type ServiceError } from "../service/errors.ts";
import type { ServiceClock } from "../service/service-clock.ts";
import { sendWithToken, type TokenSource } from "../service/token-source.ts";
import { type HttpResponse, readText, type Transport } from "../service/transport.ts";
import { parseError } from "./errors.ts";
import type { CustomerKey } from "./settings.ts";

export interface GcsClientOptions {
  readonly endpoint: URL;
  readonly bucket: string;
  /** undefined: requests go without credentials. */
  readonly tokens: TokenSource | undefined;
  readonly customerKey: CustomerKey | undefined;
  readonly transport: Transport;
  readonly clock: ServiceClock;
}

export interface GcsRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal: AbortSignal;
}

/** Sends requests to the service's JSON interface with credentials, and reads its errors. */
export class GcsClient {
  readonly #options: GcsClientOptions;

  constructor(options: GcsClientOptions) {
    this.#options = options;
  }

  /** Of an object, or without a name of the bucket's objects. */
  url(name: string | undefined, query: Readonly<Record<string, string>>): URL {
    const { bucket } = this.#options;
    const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
    return this.#at(`/storage/v1/b/${encodeURIComponent(bucket)}/o${object}`, query);
  }

  uploadUrl(query: Readonly<Record<string, string>>): URL {
    return this.#at(`/upload/storage/v1/b/${encodeURIComponent(this.#options.bucket)}/o`, query);
  }

  /** For what touches the bytes of an object. */
  keyHeaders(): Readonly<Record<string, string>> {
    const { customerKey } = this.#options;
    if (customerKey === undefined) return {};
    return {
      "x-goog-encryption-algorithm": "AES256",
      "x-goog-encryption-key": customerKey.base64,
      "x-goog-encryption-key-sha256": customerKey.sha256Base64,
    };
  }

  async send(request: GcsRequest): Promise<HttpResponse> {
    const response = await this.open(request);
    if (response.status >= 300) throw await this.errorOf(response);
    return response;
  }

  /** With credentials, whatever the status of the answer. */
  async open(request: GcsRequest): Promise<HttpResponse> {
    const { tokens, clock } = this.#options;
    if (tokens === undefined) return this.openBare(request);
    return sendWithToken(tokens, request, async (authorized) => {
      const response = await this.openBare(authorized);
      // The next token that the account signs has the service's time.
      clock.learn(response.status, response.headers.get("date"));
      return response;
    });
  }

  /** Without credentials: the address of an upload under way is one by itself. */
  openBare({ method, url, headers = {}, body, signal }: GcsRequest): Promise<HttpResponse> {
    return this.#options.transport({ method, url, headers, body, signal });
  }

  async errorOf(response: HttpResponse): Promise<ServiceError> {
    return parseError({
      status: response.status,
      body: await readText(response),
      retryAfter: response.headers.get("retry-after"),
      now: this.#options.clock.now(),
    });
  }

  #at(path: string, query: Readonly<Record<string, string>>): URL {
    const pairs = Object.entries(query).map(
      ([key, value]) => `${key}=${encodeURIComponent(value)}`,
    );
    const { href } = this.#options.endpoint;
    return new URL(
      `${href.replace(/\/$/, "")}${path}${pairs.length === 0 ? "" : "?"}${pairs.join("&")}`,
    );
  }
}

/** What the service says about an object. */
export interface ObjectResource {
  readonly sizeBytes: number;
  readonly updatedAt: Date;
  readonly crc32cBase64: string | undefined;
  readonly putId: string | undefined;
}

/** Members of the document that are read. */
export const RESOURCE_FIELDS = "name,size,updated,crc32c,metadata";
/** Names the `put` that stored an object: its success is known when the answer is lost. */
export const PUT_ID_KEY = "tidemark-put";

/** An object's document; one without name, size or date is not the service's. */
export function parseResource(body: string): ObjectResource {
  const document = parseDocument(body);
  const sizeBytes = Number(document["size"]);
  const updated = document["updated"];
  const updatedAt = new Date(typeof updated === "string" ? updated : Number.NaN);
  const isWhole = Number.isSafeInteger(sizeBytes) && typeof document["size"] === "string";
  if (typeof document["name"] !== "string" || !isWhole || Number.isNaN(updatedAt.getTime())) {
    throw new ConnectionError("the answer describes no object");
  }
  const metadata = document["metadata"];
  const isMap = typeof metadata === "object" && metadata !== null;
  const putId = isMap ? (metadata as Readonly<Record<string, unknown>>)[PUT_ID_KEY] : undefined;
  const crc32c = document["crc32c"];
  return {
    sizeBytes,
    updatedAt,
    crc32cBase64: typeof crc32c === "string" && crc32c !== "" ? crc32c : undefined,
    putId: typeof putId === "string" ? putId : undefined,
  };
}

export function parseDocument(body: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new ConnectionError("the answer is no JSON document");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new ConnectionError("the answer is no JSON object");
  }
  return document as Readonly<Record<string, unknown>>;
}
