import type { ByteBudget } from "../../base/byte-budget.ts";
import type { Clock } from "../../base/clock.ts";
import type { RetryPolicy } from "../../base/retry.ts";
import { StorageUnavailableError } from "../errors.ts";
import type { ObjectKey } from "../object-key.ts";
import type { SftpConnection } from "./connection.ts";
import type { SftpConnections } from "./connections.ts";
import { pathFacts } from "./requests.ts";

/** What every part of the driver works with. */
export interface SftpStore {
  /** For messages. */
  readonly name: string;
  /** A directory that exists; what is missing below it is made. */
  readonly base: string;
  readonly connections: SftpConnections;
  readonly budget: ByteBudget;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
}

export interface StoredFile {
  readonly key: ObjectKey;
  readonly path: string;
}

/** Bytes of one request: more make no difference, and the library takes no more at once. */
export const BLOCK_BYTES = 128 * 1024;

/** Of a repository that went away, unmounted for one, nothing may be said to be absent. */
export async function proveBase(store: SftpStore, connection: SftpConnection): Promise<void> {
  const path = store.base === "" ? "/" : store.base;
  const facts = await pathFacts(connection, path);
  if (facts?.kind === "directory") return;
  throw new StorageUnavailableError({
    storage: store.name,
    detail: `there is no directory ${path} on the server`,
    isTransient: false,
    hint: "Create it there, or mount it, before the first use; it is never created silently.",
  });
}
