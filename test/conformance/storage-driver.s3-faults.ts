// What the tests of S3 faults share: a bucket of MinIO behind a proxy, by both ways to it.
import { openS3Storage } from "../../src/storage/s3/open.ts";
import { readS3Settings } from "../../src/storage/s3/settings.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { createBucket, type Minio, startMinio } from "../support/minio.ts";
import { UNRESOLVABLE_HOST } from "../support/unresolvable-host.ts";
import {
  type FaultDialect,
  type FaultyService,
  faultyService,
  MIB,
  type Values,
} from "./storage-driver.faulty-service.ts";

/** By our own signer, and by the SDK. */
export const S3_PATHS = ["direct", "sdk"] as const;
export type S3Path = (typeof S3_PATHS)[number];

export type FaultyS3 = Readonly<Record<S3Path, FaultyService>> & { readonly minio: Minio };

const PART_BYTES = 5 * MIB;

export async function startFaultyS3(): Promise<FaultyS3> {
  const minio = await startMinio();
  await createBucket(minio, "faults");
  const proxy = await startFaultProxy(minio.endpoint);
  const by = (path: S3Path) =>
    faultyService(proxy, {
      settings: {
        S3_PREFIX: `s3://faults/${path}`,
        AWS_ENDPOINT: proxy.url,
        AWS_ACCESS_KEY_ID: minio.accessKey,
        AWS_SECRET_ACCESS_KEY: minio.secretKey,
        S3_MAX_PART_SIZE: String(PART_BYTES),
      },
      open: (settings, options) =>
        openS3Storage(readS3Settings(settings, ""), { ...options, path }),
      stop: () => minio.stop(),
    });
  return { minio, direct: by("direct"), sdk: by("sdk") };
}

/** The service's error document. */
export function errorBody(code: string, message = "as the test wants it"): string {
  const error = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return `<?xml version="1.0" encoding="UTF-8"?>${error}`;
}

const CODES: Readonly<Record<number, string>> = {
  400: "ExpiredToken",
  403: "AccessDenied",
  429: "TooManyRequests",
  500: "InternalError",
  501: "NotImplemented",
  503: "SlowDown",
};

export function refusal(status: number, headers: Values = {}) {
  const body = errorBody(CODES[status] ?? "InvalidRequest");
  return { kind: "answer", status, body, headers } as const;
}

export function s3Dialect(path: S3Path, server: () => FaultyS3): FaultDialect {
  return {
    name: `S3, ${path}`,
    service: () => server()[path],
    whole: { method: "PUT", url: /^(?!.*partNumber=)/ },
    part: { method: "PUT", url: /partNumber=/ },
    commit: { method: "POST", url: /uploadId=/ },
    listing: { method: "GET", url: /list-type=2/ },
    partBytes: PART_BYTES,
    largeBytes: 11 * MIB + 17,
    answer: refusal,
    expired: () => refusal(400),
    timed: () => ({}),
    absentBucket: { S3_PREFIX: "s3://no-such-bucket/x" },
    unknownHost: { AWS_ENDPOINT: `http://${UNRESOLVABLE_HOST}` },
  };
}
