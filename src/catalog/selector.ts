import { CorruptObjectError, UsageError } from "../base/errors.ts";
import { equalJson, type JsonValue, parseJson } from "../base/json.ts";

/** Which backup is meant. */
export type BackupSelector =
  | { readonly by: "latest" }
  | { readonly by: "name"; readonly name: string }
  | { readonly by: "user-data"; readonly userData: JsonValue };

/** What the user gave: a name or `LATEST`, or user data; exactly one of them. */
export function parseSelector(given: {
  readonly name: string | undefined;
  readonly userData: string | undefined;
}): BackupSelector {
  const { name, userData } = given;
  if (name !== undefined && userData !== undefined) {
    throw new UsageError(
      "both a backup name and user data were given",
      "Give one of them: they might mean different backups.",
    );
  }
  if (userData !== undefined) return { by: "user-data", userData: parseUserData(userData) };
  if (name !== undefined) return name === "LATEST" ? { by: "latest" } : { by: "name", name };
  throw new UsageError(
    "insufficient arguments: no backup was named",
    "Give a backup name, LATEST, or --target-user-data.",
  );
}

/** User data as typed: JSON, or else the text itself. */
export function parseUserData(text: string): JsonValue {
  try {
    return parseJson(text, "user data");
  } catch (error) {
    if (error instanceof CorruptObjectError) return text;
    throw error;
  }
}

/**
 * Those of `candidates` whose user data is `wanted`. Exact matches come first; only where there is
 * none do numbers match that are the same 64-bit float: WAL-G stores and compares them so.
 */
export function matchUserData<T extends { readonly userData: JsonValue | undefined }>(
  candidates: readonly T[],
  wanted: JsonValue,
): readonly T[] {
  const matching = (isLossy: boolean) =>
    candidates.filter(({ userData }) => {
      return userData !== undefined && equalJson(userData, wanted, isLossy);
    });
  const exact = matching(false);
  return exact.length > 0 ? exact : matching(true);
}
