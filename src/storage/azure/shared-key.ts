/** What of a request the account's key signs. */
export interface SignableRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names; `x-ms-date` and `x-ms-version` among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
}

/** Standard headers in the order of the signature, after the length. */
const SIGNED_HEADERS = [
  "content-md5",
  "content-type",
  "date",
  "if-modified-since",
  "if-match",
  "if-none-match",
  "if-unmodified-since",
  "range",
];

/** The `authorization` of a request, by Azure's "Authorize with Shared Key" for blobs. */
export function signWithKey(
  request: SignableRequest,
  { account, key }: { readonly account: string; readonly key: Buffer },
): string {
  const { method, headers, bodyBytes } = request;
  const text = [
    method,
    headers["content-encoding"] ?? "",
    headers["content-language"] ?? "",
    bodyBytes === 0 ? "" : String(bodyBytes),
    ...SIGNED_HEADERS.map((name) => headers[name] ?? ""),
    ...canonicalHeaders(headers),
    canonicalResource(request.url, account),
  ].join("\n");
  const signature = new Bun.CryptoHasher("sha256", key).update(text).digest("base64");
  return `SharedKey ${account}:${signature}`;
}

function canonicalHeaders(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(headers)
    .filter((name) => name.startsWith("x-ms-"))
    .sort()
    .map((name) => `${name}:${(headers[name] ?? "").trim().replace(/\s+/g, " ")}`);
}

/** Account and path as it is sent, then each parameter by its name, decoded. */
function canonicalResource(url: URL, account: string): string {
  const values = new Map<string, string[]>();
  for (const [name, value] of url.searchParams) {
    const key = name.toLowerCase();
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  const lines = [...values]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, all]) => `\n${name}:${all.sort().join(",")}`);
  return `/${account}${url.pathname}${lines.join("")}`;
}
