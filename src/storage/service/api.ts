import type { ByteStream } from "../../stream/byte-stream.ts";

/**
 * The calls of an object service that the driver makes, on full names within the bucket. They fail
 * with `ServiceError`, `ConnectionError` or the signal's reason, and repeat nothing.
 */
export interface ObjectApi {
  putObject(request: PutRequest): Promise<PutAnswer>;
  getObject(request: GetRequest): Promise<GetAnswer>;
  headObject(name: string, signal: AbortSignal): Promise<ObjectFacts>;
  createMultipartUpload(request: CreateRequest): Promise<string>;
  uploadPart(request: PartRequest): Promise<string>;
  completeMultipartUpload(request: CompleteRequest): Promise<PutAnswer>;
  abortMultipartUpload(upload: UploadName): Promise<void>;
  listPage(request: ListRequest): Promise<ListPage>;
  /** Those that could not be deleted. */
  deleteObjects(names: readonly string[], signal: AbortSignal): Promise<readonly DeleteFailure[]>;
  close(): void;
}

export interface CreateRequest {
  readonly name: string;
  /** Kept in the object's metadata: it tells a write of ours from somebody else's. */
  readonly putId: string;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal;
}

export interface PutRequest extends CreateRequest {
  readonly body: Uint8Array;
}

export interface PutAnswer {
  /** The service's time of the answer. */
  readonly storedAt: Date | undefined;
}

export interface GetRequest {
  readonly name: string;
  readonly range: { readonly offset: number; readonly length: number } | undefined;
  /** Only this version of the object: its entity tag. */
  readonly ifMatch: string | undefined;
  readonly signal: AbortSignal;
}

export interface GetAnswer {
  readonly etag: string | undefined;
  /** Of what is sent: the object, or the part that was asked for. */
  readonly range: { readonly offset: number; readonly length: number };
  /** Of the whole object. */
  readonly totalBytes: number;
  readonly body: ByteStream;
}

export interface ObjectFacts {
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Of the write that stored it, if that was ours. */
  readonly putId: string | undefined;
}

export interface UploadName {
  readonly name: string;
  readonly uploadId: string;
  readonly signal: AbortSignal;
}

export interface PartRequest extends UploadName {
  readonly partNumber: number;
  readonly body: Uint8Array;
  readonly isLast: boolean;
}

export interface CompletedPart {
  readonly partNumber: number;
  readonly etag: string;
}

export interface CompleteRequest extends UploadName {
  readonly parts: readonly CompletedPart[];
  readonly ifAbsent: boolean;
}

export interface ListRequest {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  /** Only names past this one. */
  readonly after: string | undefined;
  /** Where the page before ended. */
  readonly continueAt: string | undefined;
  readonly signal: AbortSignal;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** Names up to and with the delimiter. */
  readonly folders: readonly string[];
  readonly continueAt: string | undefined;
}

export interface ListedObject {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

export interface DeleteFailure {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  /** It was not there in the first place. */
  readonly isAbsent: boolean;
}
