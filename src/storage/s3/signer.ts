/**
 * Signature version 4 of one request, by the AWS General Reference "Signing AWS API requests".
 * Every header given is signed, and so is the SHA-256 of the body: the service refuses a body
 * that was damaged on the way.
 */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface UnsignedRequest {
  readonly method: string;
  /** With every part percent-encoded already; the query without values that need encoding. */
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodySha256: string;
}

export interface SigningScope {
  readonly credentials: S3Credentials;
  readonly region: string;
  /** "s3" when left out. */
  readonly service?: string;
  readonly now: Date;
}

/** SHA-256 of nothing. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The headers to send, with `authorization` among them; `host` is for the transport to add. */
export function signRequest(request: UnsignedRequest, scope: SigningScope): Record<string, string> {
  const instant = scope.now.toISOString().replace(/[-:]|\.\d+/g, "");
  const day = instant.slice(0, 8);
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    "x-amz-content-sha256": request.bodySha256,
    "x-amz-date": instant,
  };
  const { sessionToken } = scope.credentials;
  if (sessionToken !== undefined) headers["x-amz-security-token"] = sessionToken;
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    request.url.pathname,
    canonicalQuery(request.url),
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names.join(";"),
    request.bodySha256,
  ].join("\n");
  const { region, service = "s3" } = scope;
  const place = `${day}/${region}/${service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", instant, place, sha256Hex(canonical)].join("\n");
  const dayKey = hmac(`AWS4${scope.credentials.secretAccessKey}`, day);
  const key = hmac(hmac(hmac(dayKey, region), service), "aws4_request");
  const signature = hmac(key, toSign).toHex();
  const { host: _, ...sent } = headers;
  const credential = `${scope.credentials.accessKeyId}/${place}`;
  const fields = [
    `AWS4-HMAC-SHA256 Credential=${credential}`,
    `SignedHeaders=${names.join(";")}`,
    `Signature=${signature}`,
  ];
  return { ...sent, authorization: fields.join(", ") };
}

/** Percent-encoded as RFC 3986 wants it: `encodeURIComponent` leaves out five characters. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

function canonicalQuery(url: URL): string {
  const pairs = [...url.searchParams].map(([name, value]) => ({
    name: encodeRfc3986(name),
    value: encodeRfc3986(value),
  }));
  // By name alone: "=" sorts after some characters that names may go on with.
  pairs.sort((left, right) => (left.name < right.name ? -1 : Number(left.name > right.name)));
  return pairs.map(({ name, value }) => `${name}=${value}`).join("&");
}

function hmac(key: Uint8Array | string, text: string): Buffer {
  return new Bun.CryptoHasher("sha256", key).update(text).digest();
}
