import { CanceledError, ConfigError, messageOf, ToolError } from "../base/errors.ts";
import { type ObjectKey, toObjectKey } from "../storage/object-key.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openRepository, type Purpose } from "./context.ts";

/** Both names mean the one storage that there is without failover storages. */
const DEFAULT_TARGET = "default";
export const ALL_TARGETS = "all";

/** The storage of `--target`, by its name in lower case, as WAL-G has them. */
export function targetOf({ options }: Pick<Invocation, "options">): string {
  return (options.text("target") ?? DEFAULT_TARGET).toLowerCase();
}

/**
 * Opens the storage of `--target` and works on it. With `all`, as by WAL-G, each storage is named
 * and what fails there is logged: the command fails when it failed everywhere.
 */
export async function onStorage(
  invocation: Invocation,
  purpose: Purpose,
  work: (repository: Repository) => Promise<void>,
): Promise<void> {
  const { log } = invocation;
  const target = targetOf(invocation);
  if (target !== DEFAULT_TARGET && target !== ALL_TARGETS) {
    throw new ConfigError(
      `storage with name ${JSON.stringify(target)} is not found, ` +
        `available storages: [${DEFAULT_TARGET}]`,
      "There are no failover storages yet.",
    );
  }
  if (target === ALL_TARGETS) log.info(`storage ${DEFAULT_TARGET}`);
  try {
    await using repository = await openRepository(invocation, purpose);
    await work(repository);
  } catch (error) {
    if (target !== ALL_TARGETS || error instanceof CanceledError) throw error;
    log.error(messageOf(error));
    const known = error instanceof ToolError ? error : undefined;
    throw new ToolError({
      code: known?.code ?? "internal",
      message: "all storages failed",
      hint: known?.hint,
      cause: error,
    });
  }
}

/** An object's key from a path as typed: a slash at the start means the storage's root. */
export function objectPath(text: string): ObjectKey {
  return toObjectKey(text.replace(/^\/+/, ""));
}

/** The same of a folder: a slash at the end changes nothing, and the root is empty. */
export function folderPath(text: string): string {
  const path = text.replace(/^\/+|\/+$/g, "");
  return path === "" || path === "." ? "" : toObjectKey(path);
}
