import { errnoOf, messageOf } from "../../base/errors.ts";
import {
  AccessDeniedError,
  InvalidRangeError,
  ObjectNotFoundError,
  type StorageError,
  StorageUnavailableError,
} from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";

/** What the service answered instead of doing it. Holds no header: those carry secrets. */
export class S3ServiceError extends Error {
  readonly status: number;
  /** `NoSuchKey`, `SlowDown`, …; empty where the answer has no body (HEAD). */
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(facts: {
    readonly status: number;
    readonly code: string;
    readonly message: string;
    readonly retryAfterMs?: number | undefined;
  }) {
    super(facts.message);
    this.name = "S3ServiceError";
    this.status = facts.status;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** No usable answer: refused, reset, cut short, stalled, or a certificate that is not trusted. */
export class S3ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "S3ConnectionError";
  }
}

interface ObjectName {
  readonly storage: string;
  readonly key?: ObjectKey | string | undefined;
}

const THROTTLING = new Set([
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "TooManyRequests",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "BandwidthLimitExceeded",
]);
/** Answers below 500 that pass by themselves. */
const PASSING = new Set([
  "RequestTimeout",
  "OperationAborted",
  "ConditionalRequestConflict",
  "InternalError",
  "ServiceUnavailable",
  "BadDigest",
]);
const PASSING_STATUS = new Set([408, 409, 425, 429, 499]);
const DENIED = new Set([
  "AccessDenied",
  "AccountProblem",
  "AllAccessDisabled",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidToken",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
]);
const HINT_OBJECT_LOCK =
  "Object lock is asked for by S3_RETENTION_PERIOD: make a bucket with it, or drop the setting.";
const HINTS: Readonly<Record<string, string>> = {
  AccessDenied: "Let these credentials read, write, list and delete below the prefix.",
  ExpiredToken: "The temporary credentials have expired; renew them.",
  InvalidAccessKeyId: "Check AWS_ACCESS_KEY_ID.",
  NoSuchBucket: "Create the bucket, or correct S3_PREFIX.",
  RequestTimeTooSkewed: "Set this machine's clock.",
  SignatureDoesNotMatch: "Check AWS_SECRET_ACCESS_KEY and AWS_REGION.",
  PermanentRedirect: "The bucket is in another region; set AWS_REGION to it.",
  AuthorizationHeaderMalformed: "The bucket is in another region; set AWS_REGION to it.",
  ObjectLockConfigurationNotFoundError: HINT_OBJECT_LOCK,
  InvalidStorageClass: "Set S3_STORAGE_CLASS to a class that this service has.",
};

/** For what the service will answer as long as nothing is changed. */
const HINT_REFUSED =
  "The service refuses this request as it is: check the settings of the storage and the bucket.";

export function isPrecondition(error: unknown): boolean {
  return error instanceof S3ServiceError && (error.status === 412 || isConditionalConflict(error));
}

/** Another conditional write of the name is under way, or has just won. */
function isConditionalConflict(error: S3ServiceError): boolean {
  return error.status === 409 && error.code === "ConditionalRequestConflict";
}

/** The service does not know `If-None-Match` on writes. */
export function isUnsupportedCondition(error: unknown): boolean {
  return (
    error instanceof S3ServiceError && (error.status === 501 || error.code === "NotImplemented")
  );
}

/** Absences of something else than an object. */
const OTHER_ABSENCES = new Set(["NoSuchBucket", "NoSuchUpload"]);

export function isNotFound(error: unknown): boolean {
  return error instanceof S3ServiceError && error.status === 404 && !OTHER_ABSENCES.has(error.code);
}

/** An error of the service or of the way to it as one of ours; anything else stays as it is. */
export function toStorageError(error: unknown, object: ObjectName): unknown {
  if (error instanceof S3ServiceError) return fromService(error, object);
  if (error instanceof S3ConnectionError) return fromConnection(error, object);
  return error;
}

function fromService(error: S3ServiceError, object: ObjectName): StorageError {
  const { status, code } = error;
  const name = code === "" ? `status ${status}` : code;
  const facts = {
    storage: object.storage,
    key: object.key,
    detail: error.message === "" ? name : `${name}: ${error.message}`,
    cause: error,
    hint: /ObjectLockConfiguration/.test(error.message) ? HINT_OBJECT_LOCK : HINTS[code],
    retryAfterMs: error.retryAfterMs,
  };
  if (isNotFound(error)) return new ObjectNotFoundError({ ...facts, detail: undefined });
  if (status === 416) return new InvalidRangeError(facts);
  if (DENIED.has(code) || status === 401 || status === 403) {
    return new AccessDeniedError({ ...facts, hint: facts.hint ?? HINTS["AccessDenied"] });
  }
  const isThrottled = status === 429 || status === 503 || THROTTLING.has(code);
  // 501: the service will never learn it.
  const isTransient =
    status !== 501 &&
    (isThrottled || status >= 500 || PASSING_STATUS.has(status) || PASSING.has(code));
  return new StorageUnavailableError({
    ...facts,
    hint: facts.hint ?? (isTransient ? undefined : HINT_REFUSED),
    isTransient,
    isThrottled,
  });
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

function fromConnection(error: S3ConnectionError, object: ObjectName): StorageError {
  const { cause } = error;
  const errno = errnoOf(cause);
  const isCertificate = errno !== undefined && CERTIFICATE.test(errno);
  const reason = cause === undefined ? "" : ` (${errno ?? messageOf(cause)})`;
  return new StorageUnavailableError({
    storage: object.storage,
    key: object.key,
    detail: `${error.message}${reason}`,
    cause: error,
    isTransient: !isCertificate,
    hint: isCertificate
      ? "Name the service's certificate authority in S3_CA_CERT_FILE."
      : undefined,
  });
}

/** `Retry-After`, which is seconds or a date. */
export function parseRetryAfter(value: string | null | undefined, now: Date): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - now.getTime());
}
