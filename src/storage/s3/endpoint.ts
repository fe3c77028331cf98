import type { Transport } from "../service/transport.ts";
import type { S3Settings } from "./settings.ts";
import { encodeRfc3986 } from "./signer.ts";

/** Where the bucket's objects are. */
export interface S3Endpoint {
  readonly region: string;
  /** Of the service, without the bucket. */
  readonly serviceUrl: URL;
  readonly bucketUrl: URL;
  readonly isAws: boolean;
}

/** The endpoint in a region: the configured one, or AWS's own. */
export function resolveEndpoint(settings: S3Settings, region: string): S3Endpoint {
  const serviceUrl = settings.endpoint ?? awsUrl(region, settings.isDualStack);
  const bucketUrl = new URL(serviceUrl);
  if (settings.isPathStyle) {
    const path = bucketUrl.pathname.replace(/\/$/, "");
    bucketUrl.pathname = `${path}/${encodeRfc3986(settings.bucket)}`;
  } else {
    bucketUrl.hostname = `${settings.bucket}.${bucketUrl.hostname}`;
  }
  return { region, serviceUrl, bucketUrl, isAws: settings.endpoint === undefined };
}

/** The URL of one object, by its full name in the bucket. */
export function objectUrl(
  endpoint: S3Endpoint,
  name: string,
  query: Readonly<Record<string, string>> = {},
): URL {
  const base = endpoint.bucketUrl.href.replace(/\/$/, "");
  const path = name.split("/").map(encodeRfc3986).join("/");
  const pairs = Object.entries(query).map(([key, value]) => `${key}=${encodeRfc3986(value)}`);
  return new URL(`${base}/${path}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`);
}

function awsUrl(region: string, isDualStack: boolean): URL {
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return new URL(`https://s3.${isDualStack ? "dualstack." : ""}${region}.${suffix}`);
}

/**
 * The region of an AWS bucket: its own endpoint tells it to anybody, in a header of any answer.
 * undefined: it does not say.
 */
export async function discoverRegion(
  settings: S3Settings,
  transport: Transport,
  signal: AbortSignal,
): Promise<string | undefined> {
  const url = new URL(`https://s3.us-east-1.amazonaws.com/${encodeRfc3986(settings.bucket)}`);
  const response = await transport({ method: "HEAD", url, headers: {}, body: undefined, signal });
  await response.body[Symbol.asyncIterator]().return?.();
  return response.headers.get("x-amz-bucket-region") ?? undefined;
}
