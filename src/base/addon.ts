import { closeSync, readFileSync, writeSync } from "node:fs";
import { openCLibrary } from "./c-library.ts";
import { ToolError } from "./errors.ts";

/** An addon that could not be loaded: the caller falls back, and says so once in the log. */
export class AddonError extends ToolError {
  constructor(name: string, cause: unknown) {
    super({ code: "internal", message: `native addon ${name} cannot be loaded`, cause });
  }
}

const MFD_CLOEXEC = 1;

/** What the process has loaded, by path: libraries stay until it ends. */
const loaded = new Map<string, unknown>();

/**
 * Loads a native addon without any writable directory: its bytes (embedded in the executable
 * when `path` is inside it) go to an anonymous memory file, which the dynamic linker opens
 * through /proc. The runtime alone would unpack it into the temporary directory, which may be
 * read-only or mounted noexec. Gives the addon's exports.
 */
export async function loadAddon(name: string, path: string): Promise<unknown> {
  if (loaded.has(path)) return loaded.get(path);
  try {
    const bytes = readFileSync(path);
    const descriptor = await createMemoryFile(name);
    try {
      for (let offset = 0; offset < bytes.byteLength; ) {
        offset += writeSync(descriptor, bytes, offset);
      }
      const holder: { exports: unknown } = { exports: {} };
      process.dlopen(holder, `/proc/self/fd/${descriptor}`);
      // The descriptor stays open: the linker knows libraries by name, and a second addon under
      // the same number would silently be the first one again.
      loaded.set(path, holder.exports);
      return holder.exports;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  } catch (error) {
    throw new AddonError(name, error);
  }
}

async function createMemoryFile(name: string): Promise<number> {
  const { memfd_create } = await openCLibrary({
    memfd_create: { args: ["cstring", "u32"], returns: "i32" },
  });
  const descriptor = memfd_create(Buffer.from(`${name}\0`), MFD_CLOEXEC);
  if (descriptor < 0) throw new Error("memfd_create failed");
  return descriptor;
}
