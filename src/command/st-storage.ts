import { CanceledError, messageOf, ToolError } from "../base/errors.ts";
import { hasFailovers, PRIMARY_STORAGE } from "../config/primary-storage.ts";
import { type ObjectKey, toObjectKey } from "../storage/object-key.ts";
import type { Repository } from "../transfer/repository.ts";
import type { Invocation } from "./command.ts";
import { openNamedRepository, type Purpose } from "./context.ts";

export const ALL_TARGETS = "all";

/** The storage of `--target`, by its name in lower case, as WAL-G has them. */
export function targetOf({ options }: Pick<Invocation, "options">): string {
  return (options.text("target") ?? PRIMARY_STORAGE).toLowerCase();
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
  if (target !== ALL_TARGETS) {
    await onNamed(invocation, { purpose, name: target }, work);
    return;
  }
  const names = await storageNames(invocation);
  const failures: unknown[] = [];
  for (const name of names) {
    log.info(`storage ${name}`);
    try {
      await onNamed(invocation, { purpose, name }, work);
    } catch (error) {
      if (error instanceof CanceledError) throw error;
      log.error(messageOf(error));
      failures.push(error);
    }
  }
  if (failures.length < names.length) return;
  const [cause] = failures;
  const known = cause instanceof ToolError ? cause : undefined;
  throw new ToolError({
    code: known?.code ?? "internal",
    message: "all storages failed",
    hint: known?.hint,
    cause,
  });
}

/** Names of all storages, the default one first. */
export async function storageNames(invocation: Invocation): Promise<readonly string[]> {
  if (!hasFailovers(invocation.settings)) return [PRIMARY_STORAGE];
  const { storagesOf } = await import("./storages.ts");
  return storagesOf(invocation).map(({ name }) => name);
}

async function onNamed(
  invocation: Invocation,
  storage: { readonly purpose: Purpose; readonly name: string },
  work: (repository: Repository) => Promise<void>,
): Promise<void> {
  const { purpose, name } = storage;
  await using repository = await openNamedRepository(invocation, purpose, { name });
  await work(repository);
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
