import type { ConvertFns, FFIFunction } from "bun:ffi";
import { ToolError } from "./errors.ts";

/**
 * Functions of the C library that the runtime does not offer. glibc and musl have them under
 * other names of the library. Throws `internal` when neither has all of them.
 */
export async function openCLibrary<T extends Record<string, FFIFunction>>(
  functions: T,
): Promise<ConvertFns<T>> {
  const { dlopen } = await import("bun:ffi");
  const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
  const failures: unknown[] = [];
  for (const soname of ["libc.so.6", `libc.musl-${arch}.so.1`]) {
    try {
      return dlopen(soname, functions).symbols;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new ToolError({
    code: "internal",
    message: `the C library lacks one of ${Object.keys(functions).join(", ")}`,
    cause: new AggregateError(failures),
  });
}
