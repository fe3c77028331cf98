import { openCLibrary } from "./c-library.ts";

/** sync_file_range(2), SYNC_FILE_RANGE_WRITE: begins to write dirty pages, waits for nothing. */
const BEGIN_WRITING = 2;

/** Tells the kernel that bytes at a position will not change again. */
export type BeginWriteback = (descriptor: number, position: number, sizeBytes: number) => void;

/**
 * Lets the disk write while a file grows: otherwise the kernel keeps everything until fsync, and
 * the disk idles up to then. Proves nothing, so its failure is none: fsync stays what counts.
 */
export async function openWriteback(): Promise<BeginWriteback> {
  try {
    const { sync_file_range } = await openCLibrary({
      sync_file_range: { args: ["i32", "i64", "i64", "u32"], returns: "i32" },
    });
    return (descriptor, position, sizeBytes) => {
      sync_file_range(descriptor, position, sizeBytes, BEGIN_WRITING);
    };
  } catch {
    return () => {};
  }
}
