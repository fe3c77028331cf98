import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import type { CredentialSource } from "../../src/storage/s3/credentials.ts";
import { createTransport } from "../../src/storage/service/transport.ts";
import { SERVICE_CLOCK } from "./service-clock.ts";

export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A server that keeps what it was sent and answers as told, and how the SDK reaches it. */
export interface SdkEndpoint {
  readonly seen: SeenCall[];
  answer: (call: SeenCall) => Response;
  readonly options: {
    readonly endpoint: {
      readonly region: string;
      readonly serviceUrl: URL;
      readonly bucketUrl: URL;
      readonly isAws: boolean;
    };
    readonly isPathStyle: boolean;
    readonly credentials: CredentialSource;
    readonly transport: ReturnType<typeof createTransport>;
    readonly clock: typeof SERVICE_CLOCK;
  };
  stop(): Promise<void>;
}

export function startSdkEndpoint(): SdkEndpoint {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      const body = await request.text();
      const path = `${url.pathname}${url.search}`;
      const call = { method: request.method, path, headers: request.headers, body };
      endpoint.seen.push(call);
      return endpoint.answer(call);
    },
  });
  const serviceUrl = new URL(`http://127.0.0.1:${server.port}`);
  const endpoint: SdkEndpoint = {
    seen: [],
    answer: () => new Response(""),
    options: {
      endpoint: {
        region: "us-east-1",
        serviceUrl,
        bucketUrl: new URL("/bucket", serviceUrl),
        isAws: false,
      },
      isPathStyle: true,
      credentials: {
        get: async () => ({ accessKeyId: "id", secretAccessKey: "secret" }),
        replace: async () => false,
      },
      transport: createTransport({
        clock: SYSTEM_CLOCK,
        idleTimeoutMs: 5000,
        certificateAuthorities: undefined,
        proxy: { https: undefined, http: undefined, none: undefined },
      }),
      clock: SERVICE_CLOCK,
    },
    stop: () => server.stop(true),
  };
  return endpoint;
}
