import { parseRetryAfter, ServiceError } from "../service/errors.ts";
import { type ServiceClock, sendInTime } from "../service/service-clock.ts";
import { sendWithToken, type TokenSource } from "../service/token-source.ts";
import { type HttpResponse, readText, type Transport } from "../service/transport.ts";
import { xmlText } from "../service/xml.ts";
import type { AzureCredentials } from "./settings.ts";
import { signWithKey } from "./shared-key.ts";

export interface AzureClientOptions {
  readonly endpoint: URL;
  readonly container: string;
  readonly apiVersion: string;
  readonly credentials: AzureCredentials;
  /** Of an identity. */
  readonly tokens: TokenSource | undefined;
  readonly transport: Transport;
  readonly clock: ServiceClock;
}

export interface AzureRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | undefined;
  readonly signal: AbortSignal;
}

/** The service stores "a\\b" as "a/b", without a word: such a name would not be found again. */
export function requireName(name: string): void {
  if (!name.includes("\\")) return;
  const message = "the service takes a backslash in a name for a slash";
  throw new ServiceError({ status: 400, code: "InvalidBlobName", message });
}

/** Sends requests to the service with credentials, and reads its errors. */
export class AzureClient {
  readonly #options: AzureClientOptions;

  constructor(options: AzureClientOptions) {
    this.#options = options;
  }

  /** Of a blob, by its full name in the container. */
  url(name: string, query: Readonly<Record<string, string>> = {}): URL {
    requireName(name);
    const { endpoint, container } = this.#options;
    const path = [container, ...name.split("/")].map(encodeURIComponent).join("/");
    const url = new URL(`${endpoint.href.replace(/\/$/, "")}/${path}`);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    return url;
  }

  async send(request: AzureRequest): Promise<HttpResponse> {
    const response = await this.open(request);
    if (response.status >= 300) throw await this.errorOf(response);
    return response;
  }

  /** With credentials, whatever the status of the answer. */
  async open(request: AzureRequest): Promise<HttpResponse> {
    const { clock, credentials, tokens, transport } = this.#options;
    if (tokens === undefined && credentials.by === "key") {
      return sendInTime(clock, () => this.#sendSigned(request, credentials));
    }
    const { method, body, signal } = request;
    const url = new URL(request.url);
    const headers = this.#headers(request);
    if (tokens !== undefined) {
      return sendWithToken(tokens, { method, url, headers, body, signal }, transport);
    }
    if (credentials.by === "sas") {
      for (const [name, value] of credentials.query) url.searchParams.set(name, value);
    }
    return transport({ method, url, headers, body, signal });
  }

  async #sendSigned(
    request: AzureRequest,
    credentials: Extract<AzureCredentials, { readonly by: "key" }>,
  ): Promise<HttpResponse> {
    const { method, url, body, signal } = request;
    const headers = this.#headers(request);
    const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : (body?.byteLength ?? 0);
    const authorization = signWithKey({ method, url, headers, bodyBytes }, credentials);
    return this.#options.transport({
      method,
      url,
      headers: { ...headers, authorization },
      body,
      signal,
    });
  }

  #headers(request: AzureRequest): Record<string, string> {
    return {
      ...request.headers,
      "x-ms-date": this.#options.clock.now().toUTCString(),
      "x-ms-version": this.#options.apiVersion,
    };
  }

  /** Its code is in a header too: an answer to HEAD has no document. */
  async errorOf(response: HttpResponse): Promise<ServiceError> {
    const document = await readText(response);
    const { headers, status } = response;
    return new ServiceError({
      status,
      code: headers.get("x-ms-error-code") ?? xmlText(document, "Code") ?? "",
      // After its first line the message only repeats ids and times.
      message: (xmlText(document, "Message") ?? "").split("\n")[0]?.trim() ?? "",
      retryAfterMs: parseRetryAfter(headers.get("retry-after"), this.#options.clock.now()),
    });
  }
}
