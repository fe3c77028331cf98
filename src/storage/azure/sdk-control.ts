import { AnonymousCredential, ContainerClient, newPipeline } from "@azure/storage-blob";
import { compareKeys } from "../key-order.ts";
import type {
  CompleteRequest,
  DeleteFailure,
  ListedObject,
  ListPage,
  ListRequest,
  PutAnswer,
} from "../service/api.ts";
import { deleteEach } from "../service/deletions.ts";
import { ConnectionError } from "../service/errors.ts";
import { readText } from "../service/transport.ts";
import { type AzureClient, requireName } from "./client.ts";

/** The calls that carry no object's bytes. */
export interface AzureControl {
  listPage(request: ListRequest): Promise<ListPage>;
  deleteObjects(names: readonly string[], signal: AbortSignal): Promise<readonly DeleteFailure[]>;
  commitBlocks(request: CompleteRequest, metadata: Metadata): Promise<PutAnswer>;
}

type Metadata = Readonly<Record<string, string>>;
type HttpClient = NonNullable<NonNullable<Parameters<typeof newPipeline>[1]>["httpClient"]>;

const NEVER = new AbortController().signal;
const PAGE_ENTRIES = 1000;
/** A thousand names of a kilobyte each, escaped, with their properties. */
const LISTING_BYTES_MAX = 16 * 1024 * 1024;
/** What our transport or our client decides about. */
const NOT_OURS = new Set(["host", "content-length", "accept-encoding", "connection"]);

/** Listings, deletions and commits by the SDK, through our client and without its repetitions. */
export function openSdkControl(
  client: AzureClient,
  options: { readonly endpoint: URL; readonly container: string },
): AzureControl {
  const { endpoint, container } = options;
  const url = `${endpoint.href.replace(/\/$/, "")}/${encodeURIComponent(container)}`;
  const pipeline = newPipeline(new AnonymousCredential(), {
    httpClient: httpClient(client),
    retryOptions: { maxTries: 1 },
  });
  return new SdkControl(new ContainerClient(url, pipeline));
}

function httpClient(client: AzureClient): HttpClient {
  return {
    async sendRequest(request) {
      const { method, url, body, abortSignal } = request;
      const headers = Object.fromEntries(
        request.headers
          .headersArray()
          .map(({ name, value }) => [name.toLowerCase(), value] as const)
          .filter(([name]) => !NOT_OURS.has(name)),
      );
      const response = await client.send({
        method,
        url: new URL(url),
        headers,
        body: typeof body === "string" ? body : undefined,
        signal: abortSignal instanceof AbortSignal ? abortSignal : NEVER,
      });
      const answered = request.headers.clone();
      for (const name of answered.headerNames()) answered.remove(name);
      for (const [name, value] of response.headers) answered.set(name, value);
      const bodyAsText = await readText(response, LISTING_BYTES_MAX);
      return { request, status: response.status, headers: answered, bodyAsText };
    },
  };
}

class SdkControl implements AzureControl {
  readonly #container: ContainerClient;

  constructor(container: ContainerClient) {
    this.#container = container;
  }

  /** There is no way to begin after a name: what comes before it is left out here. */
  async listPage(request: ListRequest): Promise<ListPage> {
    const { prefix, delimiter, after, continueAt, signal } = request;
    const paging = {
      maxPageSize: PAGE_ENTRIES,
      ...(continueAt === undefined ? {} : { continuationToken: continueAt }),
    };
    const options = { prefix, abortSignal: signal };
    const pages =
      delimiter === undefined
        ? this.#container.listBlobsFlat(options).byPage(paging)
        : this.#container.listBlobsByHierarchy(delimiter, options).byPage(paging);
    const page = await readable(async () => (await pages.next()).value as ListAnswer | undefined);
    // Every listing names its container: an empty or foreign document must not pass for one.
    if (page?.containerName !== this.#container.containerName || page.segment === undefined) {
      throw new ConnectionError("the answer is no listing");
    }
    const { blobItems = [], blobPrefixes = [] } = page.segment;
    const objects = blobItems.map(toListedObject).filter(({ name }) => isPast(name, after));
    const folders = blobPrefixes.map(({ name }) => name);
    const next = page.continuationToken ?? "";
    return { objects, folders, continueAt: next === "" ? undefined : next };
  }

  deleteObjects(names: readonly string[], signal: AbortSignal): Promise<readonly DeleteFailure[]> {
    const options = { deleteSnapshots: "include", abortSignal: signal } as const;
    return deleteEach(
      names,
      async (name) => {
        requireName(name);
        await readable(() => this.#container.getBlobClient(name).delete(options));
      },
      ({ code }) => code === "BlobNotFound",
    );
  }

  async commitBlocks(request: CompleteRequest, metadata: Metadata): Promise<PutAnswer> {
    const { name, parts, ifAbsent, signal } = request;
    const blob = this.#container.getBlockBlobClient(name);
    const blocks = parts.map(({ etag }) => etag);
    const conditions = ifAbsent ? { ifNoneMatch: "*" } : {};
    const options = { metadata: { ...metadata }, conditions, abortSignal: signal };
    const answer = await readable(() => blob.commitBlockList(blocks, options));
    if (answer._response.status !== 201 || answer.etag === undefined) {
      throw new ConnectionError("the answer to the end of an upload is not the service's");
    }
    return { storedAt: answer.lastModified };
  }
}

interface ListAnswer {
  readonly containerName?: string;
  readonly continuationToken?: string;
  readonly segment?: {
    readonly blobItems?: readonly BlobEntry[];
    readonly blobPrefixes?: readonly { readonly name: string }[];
  };
}

interface BlobEntry {
  readonly name?: unknown;
  readonly properties?: { readonly contentLength?: unknown; readonly lastModified?: unknown };
}

function toListedObject({ name, properties }: BlobEntry): ListedObject {
  const { contentLength, lastModified } = properties ?? {};
  const isDate = lastModified instanceof Date && !Number.isNaN(lastModified.getTime());
  if (typeof name !== "string" || typeof contentLength !== "number" || !isDate) {
    throw new ConnectionError("the listing has an entry without name, size or date");
  }
  return { name, sizeBytes: contentLength, modifiedAt: lastModified };
}

function isPast(name: string, after: string | undefined): boolean {
  return after === undefined || compareKeys(name, after) > 0;
}

/** What the SDK throws when a document does not parse, in our words. */
async function readable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && (error.name === "RestError" || error.name === "TypeError")) {
      throw new ConnectionError("the answer is not the service's", new Error(error.message));
    }
    throw error;
  }
}
