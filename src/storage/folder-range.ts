import { compareKeys } from "./key-order.ts";

/** What a listing asks for, where folders have to be walked. */
export interface FolderRange {
  /** A plain string prefix of keys. */
  readonly prefix: string;
  /** Only keys past it. */
  readonly after: string | undefined;
}

/** Whether a folder, whose name ends with "/", may hold keys of the range. */
export function mayHoldKeys(folder: string, { prefix, after }: FolderRange): boolean {
  if (!folder.startsWith(prefix) && !prefix.startsWith(folder)) return false;
  const isWhollyBefore =
    after !== undefined && !after.startsWith(folder) && compareKeys(folder, after) < 0;
  return !isWhollyBefore;
}
