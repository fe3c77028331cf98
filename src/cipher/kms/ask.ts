import type { Clock } from "../../base/clock.ts";
import { errnoOf, messageOf, ToolError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { doublingCeiling, type RetryPolicy, retryTransient } from "../../base/retry.ts";
import { ConnectionError } from "../../storage/service/errors.ts";
import { type HttpRequest, readText, type Transport } from "../../storage/service/transport.ts";

/** What a key service is asked with. */
export interface AskOptions {
  /** Of the service and the key, for messages. */
  readonly name: string;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Uniform in [0, 1): for tests of the back-off. */
  readonly random?: (() => number) | undefined;
}

export interface Answer {
  readonly status: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The key service did not do what it was asked for. */
export class KeyServiceError extends ToolError {
  constructor(
    name: string,
    facts: {
      readonly detail: string;
      readonly isDenied?: boolean;
      readonly isTransient?: boolean;
      readonly hint?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    const { isDenied = false, isTransient = false, hint, cause } = facts;
    super({
      code: isDenied ? "access-denied" : "storage",
      message: `${name}: ${facts.detail}`,
      isTransient,
      hint,
      cause,
    });
  }
}

/** Without a byte for so long, a request has failed. */
export const ANSWER_TIMEOUT_MS = 20_000;
const ATTEMPTS_MAX = 8;
const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 10_000;
const ANSWER_BYTES_MAX = 1 << 20;

/**
 * Sends a request until it is answered with success; `explain` says what another answer means.
 * The request is made anew for each attempt, as it may be signed with the time.
 */
export async function ask(
  options: AskOptions,
  makeRequest: () => Promise<Omit<HttpRequest, "signal">>,
  explain: (answer: Answer) => Error,
): Promise<Answer["fields"]> {
  const { signal } = options;
  return await retryTransient(policyOf(options), signal, async () => {
    const request = await makeRequest();
    const answer = await send(options, request);
    if (answer.status >= 200 && answer.status < 300) return answer.fields;
    throw explain(answer);
  });
}

async function send(options: AskOptions, request: Omit<HttpRequest, "signal">): Promise<Answer> {
  const { name, transport, signal } = options;
  try {
    const response = await transport({ ...request, signal });
    const text = await readText(response, ANSWER_BYTES_MAX);
    return { status: response.status, fields: parseFields(text) };
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const { cause } = error;
    const reason = errnoOf(cause) ?? (cause === undefined ? "" : messageOf(cause));
    const isCertificate = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(reason);
    throw new KeyServiceError(name, {
      detail: reason === "" ? error.message : `${error.message} (${reason})`,
      isTransient: !isCertificate,
      hint: isCertificate
        ? "Name the service's certificate authority in AWS_CA_BUNDLE."
        : undefined,
      cause: error,
    });
  }
}

/** Nothing but an object is an answer of these services; proxies answer with pages. */
function parseFields(text: string): Answer["fields"] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Answer["fields"]) : {};
  } catch {
    return {};
  }
}

function policyOf({ clock, log, random = Math.random }: AskOptions): RetryPolicy {
  return {
    attemptsMax: ATTEMPTS_MAX,
    ceilingMs: (attempt) => doublingCeiling(attempt, FIRST_DELAY_MS, DELAY_MAX_MS),
    floorMs: () => 0,
    clock,
    random,
    onRetry: ({ attempt, delayMs, error }) => {
      log.warning(error.message, { attempt, attemptsMax: ATTEMPTS_MAX, delayMs });
    },
  };
}

/** A field of bytes in base64; throws when the answer lacks it. */
export function bytesField(name: string, fields: Answer["fields"], field: string): Uint8Array {
  const value = fields[field];
  if (typeof value === "string" && value !== "") {
    const bytes = Buffer.from(value, "base64");
    if (bytes.toString("base64") === value) return bytes;
  }
  throw new KeyServiceError(name, { detail: `the answer has no ${field}` });
}

export function textField(name: string, fields: Answer["fields"], field: string): string {
  const value = fields[field];
  if (typeof value === "string" && value !== "") return value;
  throw new KeyServiceError(name, { detail: `the answer has no ${field}` });
}

/** What an answer of failure means: what is passing needs no advice. */
export function refusal(
  name: string,
  facts: {
    readonly detail: string;
    readonly isDenied: boolean;
    readonly isTransient: boolean;
    readonly hints: { readonly denied: string; readonly other: string };
  },
): KeyServiceError {
  const { hints, ...rest } = facts;
  const hint = facts.isDenied ? hints.denied : hints.other;
  return new KeyServiceError(name, { ...rest, hint: facts.isTransient ? undefined : hint });
}

export function isDeniedStatus(status: number): boolean {
  return status === 401 || status === 403;
}

export function isPassingStatus(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
