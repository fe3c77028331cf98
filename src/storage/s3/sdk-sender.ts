import {
  type $Command,
  S3Client,
  type S3ClientResolvedConfig,
  S3ServiceException,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import { SYSTEM_CLOCK } from "../../base/clock.ts";
import { ConnectionError, parseRetryAfter, ServiceError } from "../service/errors.ts";
import type { ServiceClock } from "../service/service-clock.ts";
import type { Transport } from "../service/transport.ts";
import type { CredentialSource } from "./credentials.ts";
import type { S3Endpoint } from "./endpoint.ts";
import { mayResend } from "./refusal.ts";
import { sdkHandler } from "./sdk-handler.ts";
import type { S3Credentials } from "./signer.ts";

export interface SdkSenderOptions {
  readonly endpoint: S3Endpoint;
  readonly isPathStyle: boolean;
  readonly credentials: CredentialSource;
  readonly transport: Transport;
  readonly clock: ServiceClock;
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
  readonly #options: SdkSenderOptions;
  readonly #dates = new WeakMap<object, Date>();

  constructor(options: SdkSenderOptions) {
    this.#options = options;
    const provider = async () => toSdkCredentials(await options.credentials.get());
    this.#client = new S3Client({
      region: options.endpoint.region,
      endpoint: options.endpoint.serviceUrl.href,
      forcePathStyle: options.isPathStyle,
      // Asked for each request: the SDK would keep those without a time for ever.
      credentials: Object.assign(provider, { memoized: true }),
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
    const { credentials, clock } = this.#options;
    const used = await credentials.get();
    try {
      return await this.#sendNow(command, signal);
    } catch (error) {
      signal.throwIfAborted();
      const translated = toS3Error(error, clock.now());
      if (!(translated instanceof ServiceError)) throw translated;
      const { status, code } = translated;
      const date = responseOf(error)?.headers?.["date"];
      const isWorthIt = await mayResend(this.#options, { status, code, date, used });
      if (!isWorthIt) throw translated;
    }
    try {
      return await this.#sendNow(command, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw toS3Error(error, clock.now());
    }
  }

  #sendNow<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: $Command<I, O, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
    signal: AbortSignal,
  ): Promise<O> {
    // The SDK takes the time from the runtime: told is what ours differs by.
    this.#client.config.systemClockOffset =
      this.#options.clock.now().getTime() - SYSTEM_CLOCK.now().getTime();
    return this.#client.send(command, { abortSignal: signal });
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
  if (error instanceof ServiceError) return error;
  if (error instanceof ConnectionError) {
    return new ConnectionError(firstLine(error.message), error.cause);
  }
  const status = statusOf(error);
  if (error instanceof S3ServiceException || (error instanceof Error && status !== undefined)) {
    const response = responseOf(error);
    // A success whose document does not parse.
    if (status === 200 && !(error instanceof S3ServiceException)) return unreadable(error);
    return new ServiceError({
      status: status ?? 0,
      code: NAMELESS.has(error.name) ? "" : error.name,
      message: error.message === "UnknownError" ? "" : firstLine(error.message),
      retryAfterMs: parseRetryAfter(response?.headers?.["retry-after"], now),
    });
  }
  if (error instanceof Error && "$response" in error) return unreadable(error);
  return error;
}

function responseOf(error: unknown): ReceivedResponse | undefined {
  const hasResponse = error instanceof Error && "$response" in error;
  return hasResponse ? (error.$response as ReceivedResponse | undefined) : undefined;
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
  return new ConnectionError("the answer cannot be read", new Error(firstLine(error.message)));
}

/** The SDK adds advice for programmers to whatever fails while it reads an answer. */
function firstLine(message: string): string {
  return message.split("\n", 1)[0] ?? "";
}
