/** How objects are to be stored: the same raw headers go out by the SDK and by our own signer. */
export interface ObjectSettings {
  readonly storageClass: string | undefined;
  readonly encryption: Encryption | undefined;
  /** As the header wants them: `key=value&key2=value2`. */
  readonly tags: string | undefined;
  readonly retention: Retention | undefined;
  /** With every request. */
  readonly additionalHeaders: Readonly<Record<string, string>>;
}

export type Encryption =
  | { readonly by: "service" }
  | { readonly by: "kms"; readonly algorithm: string; readonly kmsKeyId: string }
  | { readonly by: "customer"; readonly keyBase64: string; readonly keyMd5Base64: string };

export interface Retention {
  readonly periodMs: number;
  readonly mode: "GOVERNANCE" | "COMPLIANCE";
}

type Headers = Readonly<Record<string, string>>;

/** Names the `put` that stored an object: its success is known when the answer is lost. */
export const PUT_ID_HEADER = "x-amz-meta-tidemark-put";

/** For what makes an object: PutObject and CreateMultipartUpload. */
export function createHeaders(
  settings: ObjectSettings,
  facts: { readonly putId: string; readonly now: Date },
): Headers {
  const headers: Record<string, string> = {
    ...settings.additionalHeaders,
    ...encryptionHeaders(settings.encryption),
    "content-type": "application/octet-stream",
    [PUT_ID_HEADER]: facts.putId,
  };
  const { storageClass, tags, retention } = settings;
  if (storageClass !== undefined && storageClass !== "STANDARD") {
    headers["x-amz-storage-class"] = storageClass;
  }
  if (tags !== undefined) headers["x-amz-tagging"] = tags;
  if (retention !== undefined) {
    const until = new Date(facts.now.getTime() + retention.periodMs);
    headers["x-amz-object-lock-mode"] = retention.mode;
    headers["x-amz-object-lock-retain-until-date"] = until.toISOString();
  }
  return headers;
}

/** For what touches the bytes of an object that exists or is being made. */
export function accessHeaders(settings: ObjectSettings): Headers {
  const { encryption, additionalHeaders } = settings;
  const isCustomers = encryption?.by === "customer";
  return { ...additionalHeaders, ...(isCustomers ? encryptionHeaders(encryption) : {}) };
}

function encryptionHeaders(encryption: Encryption | undefined): Headers {
  switch (encryption?.by) {
    case undefined:
      return {};
    case "service":
      return { "x-amz-server-side-encryption": "AES256" };
    case "kms":
      return {
        "x-amz-server-side-encryption": encryption.algorithm,
        "x-amz-server-side-encryption-aws-kms-key-id": encryption.kmsKeyId,
      };
    case "customer":
      return {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": encryption.keyBase64,
        "x-amz-server-side-encryption-customer-key-md5": encryption.keyMd5Base64,
      };
  }
}
