import type {
  CompleteRequest,
  CreateRequest,
  DeleteFailure,
  GetAnswer,
  GetRequest,
  ListPage,
  ListRequest,
  ObjectFacts,
  PartRequest,
  PutAnswer,
  PutRequest,
  S3Api,
  UploadName,
} from "../../src/storage/s3/api.ts";
import { S3ServiceError } from "../../src/storage/s3/errors.ts";
import { PUT_ID_HEADER } from "../../src/storage/s3/object-headers.ts";
import { bytesSource, concatBytes } from "../../src/stream/byte-stream.ts";

interface Stored {
  readonly bytes: Uint8Array;
  readonly putId: string | undefined;
  readonly etag: string;
}

/**
 * S3 in this process, for answers that no real server gives on demand: `before` sees each call
 * and may throw, `after` may throw when the call is done (an answer that was lost).
 */
export class FakeS3Api implements S3Api {
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<string, { headers: CreateRequest["headers"]; parts: Uint8Array[] }>();
  readonly calls: string[] = [];
  before: (call: string) => void = () => {};
  after: (call: string) => void = () => {};
  #count = 0;

  async putObject({ name, headers, body, ifAbsent }: PutRequest): Promise<PutAnswer> {
    return this.#run("put", () => this.#store(name, { headers, bytes: body.slice(), ifAbsent }));
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
      const { bytes, putId } = this.#find(name);
      return { sizeBytes: bytes.byteLength, modifiedAt: new Date(0), putId };
    });
  }

  async createMultipartUpload({ headers }: CreateRequest): Promise<string> {
    return this.#run("create", () => {
      this.#count += 1;
      const uploadId = `upload-${this.#count}`;
      this.uploads.set(uploadId, { headers, parts: [] });
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
      const { headers, parts } = this.#upload(request.uploadId);
      const bytes = concatBytes(parts);
      const answer = this.#store(request.name, { headers, bytes, ifAbsent: request.ifAbsent });
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
      readonly headers: CreateRequest["headers"];
      readonly bytes: Uint8Array;
      readonly ifAbsent: boolean;
    },
  ): PutAnswer {
    if (facts.ifAbsent && this.objects.has(name)) throw failure(412, "PreconditionFailed");
    this.#count += 1;
    const { bytes, headers } = facts;
    this.objects.set(name, { bytes, putId: headers[PUT_ID_HEADER], etag: `"${this.#count}"` });
    return { storedAt: new Date(1000) };
  }

  #find(name: string): Stored {
    const stored = this.objects.get(name);
    if (stored === undefined) throw failure(404, "NoSuchKey");
    return stored;
  }

  #upload(uploadId: string) {
    const upload = this.uploads.get(uploadId);
    if (upload === undefined) throw failure(404, "NoSuchUpload");
    return upload;
  }
}

export function failure(status: number, code: string): S3ServiceError {
  return new S3ServiceError({ status, code, message: "as the test wants it" });
}
