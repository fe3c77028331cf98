import { errnoOf, messageOf } from "../../base/errors.ts";
import { AccessDeniedError, type StorageError, StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";

const DENIED = new Set(["EACCES", "EPERM", "EROFS"]);
/** What a network file system or a busy machine may answer once and not again. */
const TRANSIENT = new Set(["EAGAIN", "EBUSY", "EINTR", "EMFILE", "ENFILE", "ESTALE", "ETIMEDOUT"]);
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "Free space on the file system of the repository.",
  EDQUOT: "The quota of this user on the repository's file system is used up.",
  ENAMETOOLONG: "The file system does not allow names this long.",
};

/** The absence of an object: also when a file stands where a directory would have to. */
export function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ENOTDIR" || errno === "EISDIR";
}

/** An error of the file system as one of ours. */
export function toStorageError(
  error: unknown,
  object: { readonly storage: string; readonly key?: ObjectKey | string | undefined },
): StorageError {
  const errno = errnoOf(error);
  const detail = errno ?? messageOf(error);
  const facts = { storage: object.storage, key: object.key, detail, cause: error };
  if (errno !== undefined && DENIED.has(errno)) {
    const hint = "Let this user read and write the repository's directory.";
    return new AccessDeniedError({ ...facts, hint });
  }
  return new StorageUnavailableError({
    ...facts,
    hint: errno === undefined ? undefined : HINTS[errno],
    isTransient: errno !== undefined && TRANSIENT.has(errno),
  });
}
