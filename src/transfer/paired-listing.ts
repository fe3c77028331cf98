import type { ObjectInfo, StorageDriver } from "../storage/driver.ts";
import { compareKeys } from "../storage/key-order.ts";
import type { ObjectKey } from "../storage/object-key.ts";

/** One key of two storages; at least one of them has it. */
export interface ObjectPair {
  readonly source: ObjectInfo | undefined;
  readonly target: ObjectInfo | undefined;
}

/**
 * The objects of two storages under a prefix, side by side and in ascending order. Both listings
 * are read as they go, so that it takes no more memory for a million objects than for one.
 */
export async function* pairedListing(
  source: StorageDriver,
  target: StorageDriver,
  request: {
    readonly prefix: string;
    /** Only keys past this one. */
    readonly after?: ObjectKey | undefined;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<ObjectPair> {
  const { prefix, after, signal } = request;
  const options = after === undefined ? { signal } : { after, signal };
  const left = new Listing(source.list(prefix, options));
  const right = new Listing(target.list(prefix, options));
  try {
    for (;;) {
      const [one, other] = [await left.head(), await right.head()];
      if (one === undefined && other === undefined) return;
      const order = orderOf(one, other);
      if (order <= 0) left.advance();
      if (order >= 0) right.advance();
      yield { source: order <= 0 ? one : undefined, target: order >= 0 ? other : undefined };
    }
  } finally {
    await left.close();
    await right.close();
  }
}

/** Negative: only the first counts now; positive: only the other; 0: both. */
function orderOf(one: ObjectInfo | undefined, other: ObjectInfo | undefined): number {
  if (one === undefined) return 1;
  if (other === undefined) return -1;
  return compareKeys(one.key, other.key);
}

class Listing {
  readonly #iterator: AsyncIterator<ObjectInfo>;
  #next: IteratorResult<ObjectInfo> | undefined;

  constructor(objects: AsyncIterable<ObjectInfo>) {
    this.#iterator = objects[Symbol.asyncIterator]();
  }

  /** undefined: there are no more. */
  async head(): Promise<ObjectInfo | undefined> {
    this.#next ??= await this.#iterator.next();
    return this.#next.done === true ? undefined : this.#next.value;
  }

  advance(): void {
    this.#next = undefined;
  }

  async close(): Promise<void> {
    if (this.#next?.done !== true) await this.#iterator.return?.();
  }
}
