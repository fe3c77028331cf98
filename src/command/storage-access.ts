import { hasFailovers } from "../config/primary-storage.ts";
import type { Invocation } from "./command.ts";
import { openRepository, type RepositoryLimits } from "./context.ts";
import type { ReadableStorages, WriteTarget } from "./failover.ts";

/** All storages, or the one of `TARGET_STORAGE`, to look for what may lie in any of them. */
export async function openReadable(
  invocation: Invocation,
  limits: RepositoryLimits = {},
): Promise<ReadableStorages> {
  if (hasSeveral(invocation)) {
    const { openAllReadable } = await import("./failover.ts");
    return await openAllReadable(invocation, limits);
  }
  const repository = await openRepository(invocation, "read", limits);
  const close = () => repository[Symbol.asyncDispose]();
  return { repositories: [repository], [Symbol.asyncDispose]: close };
}

/**
 * Works on the storage to write to: the one of `TARGET_STORAGE`, or else the first that is alive.
 * `canMove`: where it dies meanwhile, the whole work is done again on the next one.
 */
export async function onWritable<T>(
  invocation: Invocation,
  limits: RepositoryLimits & { readonly canMove: boolean },
  work: (target: WriteTarget) => Promise<T>,
): Promise<T> {
  if (hasSeveral(invocation)) {
    const { onFirstAlive } = await import("./failover.ts");
    return await onFirstAlive(invocation, limits, work);
  }
  const { canMove: _, ...rest } = limits;
  await using repository = await openRepository(invocation, "write", rest);
  return await work({ repository });
}

function hasSeveral({ settings }: Invocation): boolean {
  return settings.text("TARGET_STORAGE") === undefined && hasFailovers(settings);
}
