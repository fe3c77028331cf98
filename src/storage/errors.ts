import { ConfigError, type ErrorCode, ToolError } from "../base/errors.ts";

/** What every storage error knows: the storage, the object, and whether a retry may help. */
export interface StorageErrorFacts {
  /** `StorageDriver.name`: never a secret. */
  readonly storage: string;
  readonly key?: string | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
  readonly hint?: string | undefined;
  /** At least so long until the next attempt, in milliseconds (Retry-After). */
  readonly retryAfterMs?: number | undefined;
}

export class StorageError extends ToolError {
  readonly storage: string;
  readonly key: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, what: string, isTransient: boolean, facts: StorageErrorFacts) {
    const object = facts.key === undefined ? facts.storage : `${facts.storage}/${facts.key}`;
    const detail = facts.detail === undefined ? "" : `: ${facts.detail}`;
    super({
      code,
      message: `${object}: ${what}${detail}`,
      isTransient,
      cause: facts.cause,
      hint: facts.hint,
    });
    this.storage = facts.storage;
    this.key = facts.key;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export class ObjectNotFoundError extends StorageError {
  constructor(facts: StorageErrorFacts) {
    super("object-not-found", "object not found", false, facts);
  }
}

export class ObjectExistsError extends StorageError {
  constructor(facts: StorageErrorFacts) {
    super("object-exists", "object exists already", false, facts);
  }
}

export class InvalidRangeError extends StorageError {
  constructor(facts: StorageErrorFacts) {
    super("storage", "range lies past the end of the object", false, facts);
  }
}

export class AccessDeniedError extends StorageError {
  constructor(facts: StorageErrorFacts) {
    super("access-denied", "access denied", false, facts);
  }
}

export interface UnavailableFacts extends StorageErrorFacts {
  readonly isTransient?: boolean;
  /** The service asked for fewer requests. */
  readonly isThrottled?: boolean;
}

/** The service did not do it. Transient by default: time-outs, resets, throttling, 5xx. */
export class StorageUnavailableError extends StorageError {
  readonly isThrottled: boolean;

  constructor(facts: UnavailableFacts) {
    super("storage", "storage failed", facts.isTransient ?? true, facts);
    this.isThrottled = facts.isThrottled ?? false;
  }
}

/** What a storage lies in is not there: a directory that is not mounted. */
export class RootMissingError extends ConfigError {}
