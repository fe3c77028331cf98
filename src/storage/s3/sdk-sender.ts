import {
  type $Command,
  S3Client,
  type S3ClientResolvedConfig,
  S3ServiceException,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import type { Clock } from "../../base/clock.ts";
import { ConnectionError, parseRetryAfter, ServiceError } from "../service/errors.ts";
import type { Transport } from "../service/transport.ts";
import type { S3Endpoint } from "./endpoint.ts";
import { sdkHandler } from "./sdk-handler.ts";
import type { S3Credentials } from "./signer.ts";

export interface SdkSenderOptions {
  readonly endpoint: S3Endpoint;
  readonly isPathStyle: boolean;
  readonly credentials: () => Promise<S3Credentials>;
  readonly transport: Transport;
  readonly clock: Clock;
}

interface SendOptions {
  /** Raw headers besides the command's own, signed like these. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Some services want the MD5 of a DeleteObjects document, which the SDK no longer sends. */
  readonly needsBodyMd5?: boolean;
}

const QUIET = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Sends one command of the SDK: our headers, our transport, no retries, our errors. */
export class SdkSender {
  readonly #client: S3Client;
  readonly #clock: Clock;
  readonly #dates = new WeakMap<object, Date>();

  constructor(options: SdkSenderOptions) {
    this.#clock = options.clock;
    const { credentials } = options;
    this.#client = new S3Client({
      region: options.endpoint.region,
      endpoint: options.endpoint.serviceUrl.href,
      forcePathStyle: options.isPathStyle,
      credentials: async () => toSdkCredentials(await credentials()),
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      followRegionRedirects: false,
      requestHandler: sdkHandler(options.transport),
      // Its warnings would go to the console.
      logger: QUIET,
    });
  }

  async send<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: $Command<I, O, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
    options: SendOptions,
  ): Promise<O> {
    const { signal } = options;
    signal.throwIfAborted();
    this.#prepare(command, options);
    try {
      return await this.#client.send(command, { abortSignal: signal });
    } catch (error) {
      signal.throwIfAborted();
      throw toS3Error(error, this.#clock.now());
    }
  }

  /** The service's time of an answer. */
  dateOf(output: object): Date | undefined {
    return this.#dates.get(output);
  }

  close(): void {
    this.#client.destroy();
  }

  #prepare<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: $Command<I, O, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
    options: SendOptions,
  ): void {
    command.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as SentRequest;
        Object.assign(request.headers, options.headers);
        if (options.needsBodyMd5 === true) Object.assign(request.headers, md5Header(request.body));
        return next(args);
      },
      { step: "build", name: "tidemarkHeaders", priority: "low" },
    );
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as ReceivedResponse;
        const instant = Date.parse(headers?.["date"] ?? "");
        if (result.output !== undefined && !Number.isNaN(instant)) {
          this.#dates.set(result.output, new Date(instant));
        }
        return result;
      },
      { step: "deserialize", name: "tidemarkDate", priority: "high" },
    );
  }
}

interface SentRequest {
  readonly headers: Record<string, string>;
  readonly body: Uint8Array | string;
}

interface ReceivedResponse {
  readonly headers?: Readonly<Record<string, string>>;
}

export function md5Header(body: Uint8Array | string): Readonly<Record<string, string>> {
  return { "content-md5": new Bun.CryptoHasher("md5").update(body).digest("base64") };
}

function toSdkCredentials({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  const token = sessionToken === undefined ? {} : { sessionToken };
  return { accessKeyId, secretAccessKey, ...token };
}

/** What the SDK throws in our words: its own objects carry requests and their headers. */
function toS3Error(error: unknown, now: Date): unknown {
  if (error instanceof ConnectionError || error instanceof ServiceError) return error;
  const status = statusOf(error);
  if (error instanceof S3ServiceException || (error instanceof Error && status !== undefined)) {
    const response = "$response" in error ? (error.$response as ReceivedResponse) : undefined;
    // A success whose document does not parse.
    if (status === 200 && !(error instanceof S3ServiceException)) return unreadable(error);
    return new ServiceError({
      status: status ?? 0,
      code: NAMELESS.has(error.name) ? "" : error.name,
      message: error.message === "UnknownError" ? "" : error.message,
      retryAfterMs: parseRetryAfter(response?.headers?.["retry-after"], now),
    });
  }
  if (error instanceof Error && "$response" in error) return unreadable(error);
  return error;
}

/** Names that the SDK gives to errors without a code. */
const NAMELESS = new Set(["NotFound", "Error", "Unknown", "UnknownError"]);

/** The SDK throws plain errors with a status of its own for answers that it finds empty. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { httpStatusCode } = error.$metadata as { readonly httpStatusCode?: unknown };
  return typeof httpStatusCode === "number" ? httpStatusCode : undefined;
}

function unreadable(error: Error): ConnectionError {
  return new ConnectionError("the answer cannot be read", new Error(error.message));
}
