import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { ByteStream } from "../../stream/byte-stream.ts";
import type { Transport } from "../service/transport.ts";

type RequestHandler = NonNullable<S3ClientConfig["requestHandler"]>;

/** What the SDK hands to its HTTP layer, as far as it is used. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

const NEVER = new AbortController().signal;

/** Lets the SDK send through our transport: the same time-outs, authorities and proxies. */
export function sdkHandler(transport: Transport): RequestHandler {
  const handler = {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request: SdkRequest, options?: { readonly abortSignal?: AbortSignal }) {
      const { host: _host, expect: _expect, ...headers } = request.headers;
      const signal = options?.abortSignal ?? NEVER;
      const response = await unshared(signal, () =>
        transport({
          method: request.method,
          url: urlOf(request),
          headers,
          body: bodyOf(request.body),
          signal,
        }),
      );
      return {
        response: {
          statusCode: response.status,
          headers: Object.fromEntries(response.headers),
          body: toWebStream(response.body, signal),
        },
      };
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
  };
  return handler as unknown as RequestHandler;
}

function urlOf(request: SdkRequest): URL {
  const port = request.port === undefined ? "" : `:${request.port}`;
  const pairs = Object.entries(request.query ?? {}).flatMap(([key, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) =>
      one === null ? encodeQuery(key) : `${encodeQuery(key)}=${encodeQuery(String(one))}`,
    );
  });
  const query = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  return new URL(`${request.protocol}//${request.hostname}${port}${request.path}${query}`);
}

/** As the SDK encodes what it signs. */
function encodeQuery(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function bodyOf(body: unknown): Uint8Array | string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  throw new TypeError("only bytes and text are sent through the SDK");
}

/** The SDK writes into the errors that it meets: the reason of an abort is not its own. */
async function unshared<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw signal.aborted ? new Error("aborted", { cause: error }) : error;
  }
}

function toWebStream(body: ByteStream, signal: AbortSignal): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await unshared(signal, () => chunks.next());
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await chunks.return?.();
      },
    },
    // Nothing is read ahead: an idle connection is its consumer's doing.
    { highWaterMark: 0 },
  );
}
