import { CanceledError, ToolError } from "../base/errors.ts";

/** What a check of a storage does; its failure says so, and why. */
export async function failedTo<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ToolError) || cause instanceof CanceledError) throw cause;
    const { code, hint } = cause;
    throw new ToolError({ code, message: `failed to ${what}: ${cause.message}`, hint, cause });
  }
}
