import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { ByteStream } from "../../stream/byte-stream.ts";
import { closableStream } from "../closable-stream.ts";
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
} from "../service/api.ts";
import { ConnectionError } from "../service/errors.ts";
import { contentRangeOf, requireEtag } from "../service/http-fields.ts";
import { accessHeaders, createHeaders, type ObjectSettings } from "./object-headers.ts";
import { toListPage } from "./sdk-listing.ts";
import { md5Header, SdkSender, type SdkSenderOptions } from "./sdk-sender.ts";

export interface SdkApiOptions extends SdkSenderOptions {
  readonly bucket: string;
  readonly objects: ObjectSettings;
  readonly listVersion: 1 | 2;
}

type Headers = Readonly<Record<string, string>>;

/** Every call of the driver through the AWS SDK, whose own retries are off. */
export class SdkApi implements ObjectApi {
  readonly #sender: SdkSender;
  readonly #options: SdkApiOptions;
  readonly #access: Headers;

  constructor(options: SdkApiOptions) {
    this.#options = options;
    this.#access = accessHeaders(options.objects);
    this.#sender = new SdkSender(options);
  }

  async putObject({ name, putId, body, ifAbsent, signal }: PutRequest): Promise<PutAnswer> {
    const command = new PutObjectCommand({
      ...this.#object(name),
      Body: body,
      ...(ifAbsent ? { IfNoneMatch: "*" } : {}),
    });
    const headers = this.#createHeaders(putId);
    const md5 = this.#options.objects.retention === undefined ? {} : md5Header(body);
    const output = await this.#sender.send(command, { headers: { ...headers, ...md5 }, signal });
    requireEtag(output.ETag);
    return { storedAt: this.#sender.dateOf(output) };
  }

  async getObject({ name, range, ifMatch, signal }: GetRequest): Promise<GetAnswer> {
    const command = new GetObjectCommand({
      ...this.#object(name),
      ...(range === undefined
        ? {}
        : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` }),
      ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
    });
    const output = await this.#sender.send(command, { headers: this.#access, signal });
    if (output.Body === undefined) throw new ConnectionError("the answer to GET has no body");
    const etag = requireEtag(output.ETag);
    const sent = contentRangeOf(output.$metadata.httpStatusCode ?? 200, {
      length: output.ContentLength,
      range: output.ContentRange,
    });
    return { ...sent, etag, body: fromWebStream(output.Body.transformToWebStream()) };
  }

  async headObject(name: string, signal: AbortSignal): Promise<ObjectFacts> {
    const command = new HeadObjectCommand(this.#object(name));
    const output = await this.#sender.send(command, { headers: this.#access, signal });
    if (output.ContentLength === undefined || output.LastModified === undefined) {
      throw new ConnectionError("the answer to HEAD has no size or no date");
    }
    return {
      sizeBytes: output.ContentLength,
      modifiedAt: output.LastModified,
      putId: output.Metadata?.["tidemark-put"],
    };
  }

  async createMultipartUpload({ name, putId, signal }: CreateRequest): Promise<string> {
    const command = new CreateMultipartUploadCommand(this.#object(name));
    const headers = this.#createHeaders(putId);
    const { UploadId } = await this.#sender.send(command, { headers, signal });
    if (UploadId === undefined) throw new ConnectionError("the new upload has no id");
    return UploadId;
  }

  async uploadPart({ name, uploadId, partNumber, body, signal }: PartRequest): Promise<string> {
    const command = new UploadPartCommand({
      ...this.#object(name),
      UploadId: uploadId,
      PartNumber: partNumber,
      Body: body,
    });
    const md5 = this.#options.objects.retention === undefined ? {} : md5Header(body);
    const { ETag } = await this.#sender.send(command, {
      headers: { ...this.#access, ...md5 },
      signal,
    });
    if (ETag === undefined) throw new ConnectionError("the answer to UploadPart has no entity tag");
    return ETag;
  }

  async completeMultipartUpload(request: CompleteRequest): Promise<PutAnswer> {
    const Parts = request.parts.map((part) => ({ PartNumber: part.partNumber, ETag: part.etag }));
    const command = new CompleteMultipartUploadCommand({
      ...this.#object(request.name),
      UploadId: request.uploadId,
      MultipartUpload: { Parts },
      ...(request.ifAbsent ? { IfNoneMatch: "*" } : {}),
    });
    const { signal } = request;
    const output = await this.#sender.send(command, { headers: this.#access, signal });
    // An answer that broke off before its document parses as an empty one.
    if (output.ETag === undefined && output.Location === undefined && output.Key === undefined) {
      throw new ConnectionError("the answer to CompleteMultipartUpload names no object");
    }
    return { storedAt: this.#sender.dateOf(output) };
  }

  async abortMultipartUpload({ name, uploadId, signal }: UploadName): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#object(name), UploadId: uploadId });
    await this.#sender.send(command, { headers: this.#always(), signal });
  }

  async listPage(request: ListRequest): Promise<ListPage> {
    const { prefix, delimiter, after, continueAt, signal } = request;
    const common = {
      Bucket: this.#options.bucket,
      Prefix: prefix,
      EncodingType: "url" as const,
      ...(delimiter === undefined ? {} : { Delimiter: delimiter }),
    };
    const options = { headers: this.#always(), signal };
    if (this.#options.listVersion === 1) {
      const marker = continueAt ?? after;
      const from = marker === undefined ? {} : { Marker: marker };
      const output = await this.#sender.send(
        new ListObjectsCommand({ ...common, ...from }),
        options,
      );
      return toListPage(output, output.NextMarker);
    }
    const from = after === undefined ? {} : { StartAfter: after };
    const next = continueAt === undefined ? {} : { ContinuationToken: continueAt };
    const command = new ListObjectsV2Command({ ...common, ...from, ...next });
    const output = await this.#sender.send(command, options);
    return toListPage(output, output.NextContinuationToken);
  }

  async deleteObjects(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly DeleteFailure[]> {
    const [only] = names;
    const options = { headers: this.#always(), signal };
    if (names.length === 1 && only !== undefined) {
      await this.#sender.send(new DeleteObjectCommand(this.#object(only)), options);
      return [];
    }
    const command = new DeleteObjectsCommand({
      Bucket: this.#options.bucket,
      Delete: { Objects: names.map((Key) => ({ Key })), Quiet: false },
    });
    const output = await this.#sender.send(command, { ...options, needsBodyMd5: true });
    const { Deleted = [], Errors = [] } = output;
    // Each key has its line: an empty or foreign document must not pass for success.
    if (Deleted.length + Errors.length < names.length) {
      throw new ConnectionError("the answer to DeleteObjects does not name every object");
    }
    return Errors.map((failure) => ({
      name: failure.Key ?? "",
      code: failure.Code ?? "",
      message: failure.Message ?? "",
      isAbsent: failure.Code === "NoSuchKey",
    }));
  }

  close(): void {
    this.#sender.close();
  }

  #object(name: string) {
    return { Bucket: this.#options.bucket, Key: name };
  }

  #createHeaders(putId: string): Headers {
    const { objects, clock } = this.#options;
    return createHeaders(objects, { putId, now: clock.now() });
  }

  #always(): Headers {
    return this.#options.objects.additionalHeaders;
  }
}

/** The runtime's stream as one of ours: a consumer that stops early cancels it. */
function fromWebStream(stream: ReadableStream<Uint8Array>): ByteStream {
  const reader = stream.getReader();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  }
  return closableStream(chunks(), () => reader.cancel());
}
