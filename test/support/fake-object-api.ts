import type {
  CompleteRequest,
  CreateRequest,
  DeleteFailure,
  GetAnswer,
  GetRequest,
  ListPage,
  ListRequest,
  ObjectApi,
  ObjectFacts,
  PartRequest,
  PutAnswer,
  PutRequest,
  UploadName,
} from "../../src/storage/service/api.ts";
import { ServiceError } from "../../src/storage/service/errors.ts";
import { bytesSource, concatBytes } from "../../src/stream/byte-stream.ts";

interface Stored {
  readonly bytes: Uint8Array;
  readonly putId: string | undefined;
  readonly etag: string;
}

/**
 * An object service in this process, with S3's codes, for answers that no real server gives on
 * demand: `before` sees each call and may throw, `after` may throw when the call is done (an
 * answer that was lost).
 */
export class FakeObjectApi implements ObjectApi {
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<string, { putId: string; parts: Uint8Array[] }>();
  readonly calls: string[] = [];
  before: (call: string) => void = () => {};
  after: (call: string) => void = () => {};
  #count = 0;

  async putObject({ name, putId, body, ifAbsent }: PutRequest): Promise<PutAnswer> {
    return this.#run("put", () => this.#store(name, { putId, bytes: body.slice(), ifAbsent }));
  }

  async getObject({ name, range, ifMatch, signal }: GetRequest): Promise<GetAnswer> {
    return this.#run("get", () => {
      const { bytes, etag } = this.#find(name);
      if (ifMatch !== undefined && ifMatch !== etag) throw failure(412, "PreconditionFailed");
      const { offset, length } = range ?? { offset: 0, length: bytes.byteLength };
      if (range !== undefined && offset >= bytes.byteLength) throw failure(416, "InvalidRange");
      const part = bytes.slice(offset, offset + length);
      return {
        etag,
        range: { offset, length: part.byteLength },
        totalBytes: bytes.byteLength,
        body: bytesSource(part).open(signal),
      };
    });
  }

  async headObject(name: string): Promise<ObjectFacts> {
    return this.#run("head", () => {
      // As of S3: an answer to HEAD has no body, and so no code.
      const { bytes, putId } = this.#find(name, "");
      return { sizeBytes: bytes.byteLength, modifiedAt: new Date(0), putId };
    });
  }

  async createMultipartUpload({ putId }: CreateRequest): Promise<string> {
    return this.#run("create", () => {
      this.#count += 1;
      const uploadId = `upload-${this.#count}`;
      this.uploads.set(uploadId, { putId, parts: [] });
      return uploadId;
    });
  }

  async uploadPart({ uploadId, partNumber, body }: PartRequest): Promise<string> {
    return this.#run(`part ${partNumber}`, () => {
      this.#upload(uploadId).parts[partNumber - 1] = body.slice();
      return `"part-${partNumber}"`;
    });
  }

  async completeMultipartUpload(request: CompleteRequest): Promise<PutAnswer> {
    return this.#run("complete", () => {
      const { putId, parts } = this.#upload(request.uploadId);
      const bytes = concatBytes(parts);
      const answer = this.#store(request.name, { putId, bytes, ifAbsent: request.ifAbsent });
      this.uploads.delete(request.uploadId);
      return answer;
    });
  }

  async abortMultipartUpload({ uploadId }: UploadName): Promise<void> {
    return this.#run("abort", () => void this.uploads.delete(uploadId));
  }

  async listPage({ prefix }: ListRequest): Promise<ListPage> {
    return this.#run("list", () => ({
      objects: [...this.objects]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { bytes }]) => ({
          name,
          sizeBytes: bytes.byteLength,
          modifiedAt: new Date(0),
        })),
      folders: [],
      continueAt: undefined,
    }));
  }

  async deleteObjects(names: readonly string[]): Promise<readonly DeleteFailure[]> {
    return this.#run("delete", () => {
      for (const name of names) this.objects.delete(name);
      return [];
    });
  }

  close(): void {
    this.calls.push("close");
  }

  async #run<T>(call: string, work: () => T): Promise<T> {
    this.calls.push(call);
    this.before(call);
    const result = work();
    this.after(call);
    return result;
  }

  #store(
    name: string,
    facts: {
      readonly putId: string;
      readonly bytes: Uint8Array;
      readonly ifAbsent: boolean;
    },
  ): PutAnswer {
    if (facts.ifAbsent && this.objects.has(name)) throw failure(412, "PreconditionFailed");
    this.#count += 1;
    const { bytes, putId } = facts;
    this.objects.set(name, { bytes, putId, etag: `"${this.#count}"` });
    return { storedAt: new Date(1000) };
  }

  #find(name: string, absentCode = "NoSuchKey"): Stored {
    const stored = this.objects.get(name);
    if (stored === undefined) throw failure(404, absentCode);
    return stored;
  }

  #upload(uploadId: string) {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) throw failure(404, "NoSuchUpload");
    return upload;
  }
}

export function failure(status: number, code: string): ServiceError {
  return new ServiceError({ status, code, message: "as the test wants it" });
}
