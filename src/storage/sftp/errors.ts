import { errnoOf, messageOf } from "../../base/errors.ts";
import { AccessDeniedError, StorageError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7). */
export const STATUS = {
  noSuchFile: 2,
  permissionDenied: 3,
  /** Everything without a code of its own: a taken name, a full disk, an I/O error. */
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const;

/** The server answered, and did not do it. */
export class SftpStatusError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "SftpStatusError";
    this.status = status;
  }
}

/** No answer: refused, reset, stalled, or closed meanwhile. */
export class SftpConnectionError extends Error {
  /** Whether another connection may do better. */
  readonly isTransient: boolean;

  constructor(message: string, options: { readonly cause?: unknown; isTransient?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SftpConnectionError";
    this.isTransient = options.isTransient ?? true;
  }
}

/** The server would not let us in. */
export class SftpLoginError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SftpLoginError";
  }
}

/** The server is not, or cannot be proven to be, the one that was meant. */
export class HostKeyError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "HostKeyError";
    this.hint = hint;
  }
}

interface ObjectName {
  readonly storage: string;
  readonly key?: ObjectKey | string | undefined;
}

const HINTS: Readonly<Record<number, string>> = {
  [STATUS.failure]:
    "The server does not say why: look for a full disk, a quota, or errors in the server's log.",
  [STATUS.badMessage]: "The server's file system may not allow names this long.",
};

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof SftpStatusError && error.status === status;
}

/** An answer of the server, or the lack of one, as an error of ours; others stay as they are. */
export function toStorageError(error: unknown, object: ObjectName): unknown {
  const facts = { storage: object.storage, key: object.key, cause: error };
  if (error instanceof SftpStatusError) return fromStatus(error, facts);
  if (error instanceof SftpConnectionError) {
    const errno = errnoOf(error.cause);
    const reason = errno === undefined ? "" : ` (${errno})`;
    const detail = `${error.message}${reason}`;
    return new StorageUnavailableError({ ...facts, detail, isTransient: error.isTransient });
  }
  if (error instanceof SftpLoginError) {
    const detail = messageOf(error);
    const hint =
      "Check SSH_USERNAME and the key or password, and the server's authorized_keys and log.";
    return new AccessDeniedError({ ...facts, detail, hint });
  }
  if (error instanceof HostKeyError) {
    const { message, hint } = error;
    return new StorageError("access-denied", message, false, { ...facts, hint });
  }
  return error;
}

function fromStatus(error: SftpStatusError, facts: ObjectName & { cause: unknown }): StorageError {
  const { status, message } = error;
  if (status === STATUS.permissionDenied) {
    const hint = "Let the user of the server read and write the repository's directory.";
    return new AccessDeniedError({ ...facts, detail: message, hint });
  }
  return new StorageUnavailableError({
    ...facts,
    detail: `the server answered: ${message} (status ${status})`,
    hint: HINTS[status],
    isTransient: status === STATUS.noConnection || status === STATUS.connectionLost,
  });
}
