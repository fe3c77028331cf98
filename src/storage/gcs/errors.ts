import {
  createDialect,
  type ErrorDialect,
  parseRetryAfter,
  ServiceError,
} from "../service/errors.ts";

/** Codes of ours, for what the service says by status and text only. */
export const ABSENT_OBJECT = "noSuchObject";
export const ABSENT_BUCKET = "noSuchBucket";
/** The session of a resumable upload is gone. */
export const ABSENT_UPLOAD = "noSuchUpload";

const THROTTLING = new Set([
  "rateLimitExceeded",
  "userRateLimitExceeded",
  "dailyLimitExceeded",
  "slowDown",
  "RESOURCE_EXHAUSTED",
]);
/** Answers below 500 that pass by themselves. */
const PASSING = new Set([
  "backendError",
  "internalError",
  "INTERNAL",
  "UNAVAILABLE",
  "uploadBrokenConnection",
]);
const PASSING_STATUS = new Set([408, 409, 425, 429, 499]);
const DENIED = new Set(["forbidden", "authError", "UNAUTHENTICATED", "PERMISSION_DENIED"]);
const HINTS: Readonly<Record<string, string>> = {
  [ABSENT_BUCKET]: "Create the bucket, or correct GS_PREFIX.",
  [ABSENT_UPLOAD]: "The service forgot an upload under way; the same command stores it anew.",
  authError: "Check GOOGLE_APPLICATION_CREDENTIALS: the account's key may have been removed.",
  customerEncryptionKeyIsIncorrect: "Set GCS_ENCRYPTION_KEY to the key that it was stored with.",
  resourceIsEncryptedWithCustomerEncryptionKey:
    "Set GCS_ENCRYPTION_KEY to the key that it was stored with.",
};

/** How the answers of Google Cloud Storage's JSON interface are understood. */
export const GCS_ERRORS: ErrorDialect = createDialect({
  throttling: THROTTLING,
  passing: PASSING,
  passingStatus: PASSING_STATUS,
  denied: DENIED,
  isOtherAbsence: ({ code }) => code !== ABSENT_OBJECT,
  isPrecondition: ({ status }) => status === 412,
  isUploadGone: ({ code }) => code === ABSENT_UPLOAD,
  hintOf: ({ code }) => HINTS[code],
  deniedHint: "Let this account create, read, list and delete objects in the bucket.",
  certificateHint: "Name the service's certificate authority in GCS_CA_CERT_FILE.",
});

/** What an answer with an error says: a JSON document, a line of text, or nothing. */
export function parseError(facts: {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | null;
  readonly now: Date;
}): ServiceError {
  const { status, body, now } = facts;
  const { reason, message } = readDocument(body);
  const code = status === 404 ? absenceCode(message) : reason;
  const retryAfterMs = parseRetryAfter(facts.retryAfter, now);
  return new ServiceError({ status, code, message, retryAfterMs });
}

interface ErrorFacts {
  readonly reason: string;
  readonly message: string;
}

function readDocument(body: string): ErrorFacts {
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    // Downloads are refused in plain text; a page of markup is somebody else's, and says nothing.
    return { reason: "", message: body.includes("<") ? "" : body.trim().slice(0, 300) };
  }
  const error = fieldOf(document, "error");
  const errors = fieldOf(error, "errors");
  const reason =
    textOf(fieldOf(Array.isArray(errors) ? errors[0] : undefined, "reason")) ??
    textOf(fieldOf(error, "status"));
  return { reason: reason ?? "", message: textOf(fieldOf(error, "message")) ?? "" };
}

/** Empty: the answer leaves open whether the object is absent or the whole bucket. */
function absenceCode(message: string): string {
  if (/\bbucket does not exist\b/i.test(message)) return ABSENT_BUCKET;
  return /^No such object\b/i.test(message) ? ABSENT_OBJECT : "";
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
