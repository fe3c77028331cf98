/**
 * Runs `work` for each item with at most `concurrencyMax` at once; items are pulled as workers
 * become free. The first error stops the pulling, aborts the others' signal, and is thrown once
 * every worker has stopped.
 */
export async function forEachConcurrently<T>(
  items: Iterable<T> | AsyncIterable<T>,
  options: { readonly concurrencyMax: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const iterator = toAsyncIterator(items);
  let failure: { readonly error: unknown } | undefined;
  let isDone = false;
  // Generators refuse a second next() only by queueing it, so one chain keeps the order clear.
  let pulling: Promise<unknown> = Promise.resolve();
  const pull = (): Promise<IteratorResult<T>> => {
    const next = pulling.then(() =>
      isDone || failure !== undefined ? { done: true as const, value: undefined } : iterator.next(),
    );
    // Whoever pulled sees the error; the chain only keeps the order.
    pulling = next.catch(() => {});
    return next as Promise<IteratorResult<T>>;
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.abort(error);
  };
  const worker = async (): Promise<void> => {
    try {
      while (failure === undefined) {
        signal.throwIfAborted();
        const next = await pull();
        if (next.done === true) {
          isDone = true;
          return;
        }
        await work(next.value, signal);
      }
    } catch (error) {
      fail(error);
    }
  };
  await Promise.all(Array.from({ length: options.concurrencyMax }, worker));
  if (failure !== undefined) {
    // The first error is the one that counts, whatever closing the items says.
    await Promise.resolve(iterator.return?.()).catch(() => {});
    throw failure.error;
  }
}

function toAsyncIterator<T>(items: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
}
