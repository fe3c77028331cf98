import { type Bucket, Storage } from "@google-cloud/storage";
import type { DeleteFailure, ListedObject, ListPage, ListRequest } from "../service/api.ts";
import { deleteEach } from "../service/deletions.ts";
import { ConnectionError, ServiceError } from "../service/errors.ts";
import { readText } from "../service/transport.ts";
import { type GcsClient, parseDocument } from "./client.ts";
import { ABSENT_BUCKET } from "./errors.ts";

/** The calls that carry no object's bytes. */
export interface GcsControl {
  listPage(request: ListRequest): Promise<ListPage>;
  deleteObjects(names: readonly string[], signal: AbortSignal): Promise<readonly DeleteFailure[]>;
}

/** What the SDK hands to the function that sends its requests, as far as it is used. */
interface SdkRequest {
  readonly method?: string;
  readonly uri: string;
  readonly qs?: Readonly<Record<string | symbol, unknown>>;
}

type SdkCallback = (error: Error | null, body?: unknown, response?: unknown) => void;

/** The SDK knows no signals: ours travels with the query, where only we look for it. */
const SIGNAL = Symbol("signal");
const NEVER = new AbortController().signal;
const PAGE_ENTRIES = 1000;

/** Listings and deletions by the SDK, through our transport and without its own repetitions. */
export function openSdkControl(
  client: GcsClient,
  options: { readonly endpoint: URL; readonly bucket: string },
): GcsControl {
  const endpoint = options.endpoint.href.replace(/\/$/, "");
  const storage = new Storage({
    apiEndpoint: endpoint,
    projectId: "none",
    retryOptions: { autoRetry: false },
  });
  // The SDK looks for an emulator in the environment by itself; where to go is our settings' part.
  storage.baseUrl = `${endpoint}/storage/v1`;
  Object.assign(storage, {
    makeAuthenticatedRequest: (request: SdkRequest, callback: SdkCallback) => {
      send(client, request).then(
        (body) => callback(null, body, { body }),
        (error) => callback(error),
      );
    },
  });
  return new SdkControl(storage.bucket(options.bucket));
}

async function send(client: GcsClient, request: SdkRequest): Promise<unknown> {
  const { qs = {} } = request;
  const signal = qs[SIGNAL] instanceof AbortSignal ? qs[SIGNAL] : NEVER;
  const url = new URL(request.uri);
  for (const [name, value] of Object.entries(qs)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const { method = "GET" } = request;
  const response = await client.send({ method, url, signal });
  const body = await readText(response, LISTING_BYTES_MAX);
  if (method !== "DELETE") return parseDocument(body);
  // Nothing is all that a deletion answers, in the words of some servers "null".
  if (body.trim() !== "" && body.trim() !== "null") {
    throw new ConnectionError("the answer to a deletion is not the service's");
  }
  return {};
}

/** A thousand names of a kilobyte each, escaped, with their sizes and dates. */
const LISTING_BYTES_MAX = 16 * 1024 * 1024;

class SdkControl implements GcsControl {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  async listPage(request: ListRequest): Promise<ListPage> {
    const { prefix, delimiter, after, continueAt, signal } = request;
    const query = {
      autoPaginate: false,
      prefix,
      maxResults: PAGE_ENTRIES,
      fields: "kind,nextPageToken,prefixes,items(name,size,updated)",
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(after === undefined ? {} : { startOffset: after }),
      ...(continueAt === undefined ? {} : { pageToken: continueAt }),
      [SIGNAL]: signal,
    };
    try {
      const [, , answer] = await this.#bucket.getFiles(query);
      return toListPage(answer, after);
    } catch (error) {
      throw ofBucket(error);
    }
  }

  deleteObjects(names: readonly string[], signal: AbortSignal): Promise<readonly DeleteFailure[]> {
    return deleteEach(
      names,
      // The type leaves no room for what travels with the query.
      (name) => this.#bucket.file(name).delete({ [SIGNAL]: signal } as object),
      ({ status, code }) => status === 404 && code !== ABSENT_BUCKET,
    );
  }
}

/** Only the bucket can be absent where objects are listed. */
function ofBucket(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.status !== 404) return error;
  const { status, message } = error;
  return new ServiceError({ status, code: ABSENT_BUCKET, message });
}

function toListPage(answer: unknown, after: string | undefined): ListPage {
  const { kind, items = [], prefixes = [], nextPageToken } = answer as ListDocument;
  // Every listing says so: an empty or foreign document must not pass for one.
  if (kind !== "storage#objects" || !Array.isArray(items) || !Array.isArray(prefixes)) {
    throw new ConnectionError("the answer is no listing");
  }
  const objects = items.map(toListedObject).filter(({ name }) => name !== after);
  const isText = prefixes.every((prefix) => typeof prefix === "string");
  const isToken = nextPageToken === undefined || typeof nextPageToken === "string";
  if (!isText || !isToken) throw new ConnectionError("the listing has malformed entries");
  return {
    objects,
    folders: prefixes,
    continueAt: nextPageToken === "" ? undefined : nextPageToken,
  };
}

interface ListDocument {
  readonly kind?: unknown;
  readonly items?: unknown;
  readonly prefixes?: unknown;
  readonly nextPageToken?: unknown;
}

function toListedObject(entry: unknown): ListedObject {
  const { name, size, updated } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  const modifiedAt = new Date(typeof updated === "string" ? updated : Number.NaN);
  const isSize = typeof size === "string" && /^\d{1,16}$/.test(size);
  if (typeof name !== "string" || !isSize || Number.isNaN(modifiedAt.getTime())) {
    throw new ConnectionError("the listing has an entry without name, size or date");
  }
  return { name, sizeBytes: Number(size), modifiedAt };
}
