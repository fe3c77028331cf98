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
export class ServiceError extends Error {
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
    this.name = "ServiceError";
    this.status = facts.status;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** No usable answer: refused, reset, cut short, stalled, or a certificate that is not trusted. */
export class ConnectionError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ConnectionError";
  }
}

interface ObjectName {
  readonly storage: string;
  readonly key?: ObjectKey | string | undefined;
}

/** How the answers of one service are understood. */
export interface ErrorDialect {
  isNotFound(error: unknown): boolean;
  /** A conditional write was refused, or another one is under way. */
  isPrecondition(error: unknown): boolean;
  /** The service does not know conditions on writes. */
  isUnsupportedCondition(error: unknown): boolean;
  /** The upload is gone: what follows a completion whose answer was lost, too. */
  isUploadGone(error: unknown): boolean;
  /** An error of the service or of the way to it as one of ours; anything else as it is. */
  toStorageError(error: unknown, object: ObjectName): unknown;
}

/** What distinguishes one service from another. */
export interface DialectRules {
  /** Codes by which the service asks for fewer requests, besides 429 and 503. */
  readonly throttling: ReadonlySet<string>;
  /** Codes of answers below 500 that pass by themselves. */
  readonly passing: ReadonlySet<string>;
  /** Statuses below 500 that pass by themselves. */
  readonly passingStatus: ReadonlySet<number>;
  /** Codes of refused credentials or rights, besides 401 and 403. */
  readonly denied: ReadonlySet<string>;
  /** 404 of something else than an object. */
  readonly isOtherAbsence: (error: ServiceError) => boolean;
  readonly isPrecondition: (error: ServiceError) => boolean;
  readonly isUploadGone: (error: ServiceError) => boolean;
  readonly hintOf: (error: ServiceError) => string | undefined;
  readonly deniedHint: string;
  readonly certificateHint: string;
}

/** For what the service will answer as long as nothing is changed. */
const HINT_REFUSED =
  "The service refuses this request as it is: check the settings of the storage and the bucket.";

export function createDialect(rules: DialectRules): ErrorDialect {
  const isNotFound = (error: unknown) =>
    error instanceof ServiceError && error.status === 404 && !rules.isOtherAbsence(error);
  return {
    isNotFound,
    isPrecondition: (error) => error instanceof ServiceError && rules.isPrecondition(error),
    isUploadGone: (error) => error instanceof ServiceError && rules.isUploadGone(error),
    isUnsupportedCondition: (error) =>
      error instanceof ServiceError && (error.status === 501 || error.code === "NotImplemented"),
    toStorageError(error, object) {
      if (error instanceof ConnectionError) return fromConnection(error, object, rules);
      if (!(error instanceof ServiceError)) return error;
      if (!isNotFound(error)) return fromService(error, object, rules);
      const { storage, key } = object;
      return new ObjectNotFoundError({ storage, key, cause: error, hint: rules.hintOf(error) });
    },
  };
}

function fromService(error: ServiceError, object: ObjectName, rules: DialectRules): StorageError {
  const { status, code } = error;
  const name = code === "" ? `status ${status}` : code;
  const hint = rules.hintOf(error);
  const facts = {
    storage: object.storage,
    key: object.key,
    detail: error.message === "" ? name : `${name}: ${error.message}`,
    cause: error,
    hint,
    retryAfterMs: error.retryAfterMs,
  };
  if (status === 416) return new InvalidRangeError(facts);
  if (rules.denied.has(code) || status === 401 || status === 403) {
    return new AccessDeniedError({ ...facts, hint: hint ?? rules.deniedHint });
  }
  const isThrottled = status === 429 || status === 503 || rules.throttling.has(code);
  const isPassing = rules.passingStatus.has(status) || rules.passing.has(code);
  // 501: the service will never learn it.
  const isTransient = status !== 501 && (isThrottled || status >= 500 || isPassing);
  return new StorageUnavailableError({
    ...facts,
    hint: hint ?? (isTransient ? undefined : HINT_REFUSED),
    isTransient,
    isThrottled,
  });
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

function fromConnection(
  error: ConnectionError,
  object: ObjectName,
  rules: DialectRules,
): StorageError {
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
    hint: isCertificate ? rules.certificateHint : undefined,
  });
}

/** `Retry-After`, which is seconds or a date. */
export function parseRetryAfter(value: string | null | undefined, now: Date): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1000;
  const instant = Date.parse(value);
  return Number.isNaN(instant) ? undefined : Math.max(0, instant - now.getTime());
}
