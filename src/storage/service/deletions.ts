import type { DeleteFailure } from "./api.ts";
import { ServiceError } from "./errors.ts";

const DELETIONS_AT_ONCE = 16;

/**
 * Deletes objects by a request each, for services without one for many. An error of the storage
 * ends it; `isAbsent` says of which errors the object was not there in the first place.
 */
export async function deleteEach(
  names: readonly string[],
  deleteOne: (name: string) => Promise<unknown>,
  isAbsent: (error: ServiceError) => boolean,
): Promise<readonly DeleteFailure[]> {
  const left = [...names];
  const failures: DeleteFailure[] = [];
  const attempt = async (name: string): Promise<void> => {
    try {
      await deleteOne(name);
    } catch (error) {
      if (!(error instanceof ServiceError) || !isAbsent(error)) throw error;
      failures.push({ name, code: error.code, message: error.message, isAbsent: true });
    }
  };
  const worker = async (): Promise<void> => {
    try {
      for (let name = left.shift(); name !== undefined; name = left.shift()) await attempt(name);
    } finally {
      // After an error of one nobody goes on.
      left.length = 0;
    }
  };
  await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, worker));
  return failures;
}
