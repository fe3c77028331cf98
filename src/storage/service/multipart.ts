import { assert } from "../../base/assert.ts";
import type { CompletedPart, ObjectApi, PutAnswer } from "./api.ts";
import type { Part, PartReader } from "./part-reader.ts";

export interface MultipartRequest {
  readonly name: string;
  readonly create: () => Promise<string>;
  readonly concurrencyMax: number;
  readonly partsMax: number;
  readonly signal: AbortSignal;
  /** Repeats a request while it fails for a passing reason; gives errors their place. */
  readonly repeat: <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;
  readonly complete: (upload: {
    readonly uploadId: string;
    readonly parts: readonly CompletedPart[];
  }) => Promise<PutAnswer>;
  readonly tooLarge: () => Error;
  /** Told when an upload that failed could not be removed: its parts are still stored. */
  readonly onOrphan: (uploadId: string, error: unknown) => void;
}

const ABORT_TIMEOUT_MS = 30_000;

/** Stores an object in parts, several at once. On any failure the upload is removed. */
export async function uploadInParts(
  api: ObjectApi,
  source: { readonly first: Part; readonly reader: PartReader },
  request: MultipartRequest,
): Promise<PutAnswer> {
  const { create } = request;
  let uploadId: string;
  try {
    uploadId = await create();
  } catch (error) {
    source.first[Symbol.dispose]();
    throw error;
  }
  try {
    const parts = await uploadParts(api, source, { ...request, uploadId });
    return await request.complete({ uploadId, parts });
  } catch (error) {
    await removeUpload(api, uploadId, request);
    throw error;
  }
}

async function uploadParts(
  api: ObjectApi,
  source: { readonly first: Part; readonly reader: PartReader },
  request: MultipartRequest & { readonly uploadId: string },
): Promise<readonly CompletedPart[]> {
  const { name, uploadId, repeat } = request;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const completed: CompletedPart[] = [];
  const inFlight = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  const send = async (part: Part, partNumber: number): Promise<void> => {
    try {
      const { bytes: body, isLast } = part;
      const etag = await repeat(signal, () =>
        api.uploadPart({ name, uploadId, partNumber, body, isLast, signal }),
      );
      completed.push({ partNumber, etag });
      part.recycle();
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    } finally {
      part[Symbol.dispose]();
    }
  };

  const start = (part: Part, partNumber: number): void => {
    const sending = send(part, partNumber).finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };

  try {
    let part = source.first;
    for (let partNumber = 1; ; partNumber += 1) {
      start(part, partNumber);
      if (part.isLast || failure !== undefined) break;
      if (partNumber === request.partsMax) throw request.tooLarge();
      if (inFlight.size >= request.concurrencyMax) await Promise.race(inFlight);
      part = await nextPart(source.reader, signal);
    }
  } catch (error) {
    failure ??= { error };
    stop.abort(error);
  }
  await Promise.all(inFlight);
  request.signal.throwIfAborted();
  if (failure !== undefined) throw failure.error;
  return inOrder(completed);
}

async function nextPart(reader: PartReader, signal: AbortSignal): Promise<Part> {
  signal.throwIfAborted();
  const part = await reader.next();
  if (signal.aborted) {
    part[Symbol.dispose]();
    throw signal.reason;
  }
  return part;
}

function inOrder(parts: readonly CompletedPart[]): readonly CompletedPart[] {
  const sorted = [...parts].sort((left, right) => left.partNumber - right.partNumber);
  for (const [index, { partNumber }] of sorted.entries()) {
    assert(partNumber === index + 1, `part ${index + 1} was uploaded`);
  }
  return sorted;
}

/** Parts of an upload that is neither completed nor aborted are stored, and paid for, for ever. */
async function removeUpload(
  api: ObjectApi,
  uploadId: string,
  request: MultipartRequest,
): Promise<void> {
  // The caller's signal may be aborted already, and this must happen all the same.
  const signal = AbortSignal.timeout(ABORT_TIMEOUT_MS);
  const { name } = request;
  try {
    await request.repeat(signal, () => api.abortMultipartUpload({ name, uploadId, signal }));
  } catch (error) {
    request.onOrphan(uploadId, error);
  }
}
