// What the fault tests of Google Cloud Storage share: a server with strict uploads behind a proxy.
import { join } from "node:path";
import { openGcsStorage } from "../../src/storage/gcs/open.ts";
import { readGcsSettings } from "../../src/storage/gcs/settings.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { timesOfToken, writeGcsAccount } from "../support/gcs-account.ts";
import { startGcsServer } from "../support/gcs-server.ts";
import { type GcsSessions, startGcsSessions } from "../support/gcs-sessions.ts";
import { makeScratch } from "../support/scratch.ts";
import { UNRESOLVABLE_HOST } from "../support/unresolvable-host.ts";
import {
  type FaultDialect,
  type FaultyService,
  faultyService,
  MIB,
  type Values,
} from "./storage-driver.faulty-service.ts";

const PART_BYTES = 2 * MIB;

export interface FaultyGcs extends FaultyService {
  readonly sessions: GcsSessions;
  /** Settings of an account that signs its tokens itself. */
  readonly account: Values;
}

export async function startFaultyGcs(): Promise<FaultyGcs> {
  const scratch = makeScratch("gcs-account");
  const accountFile = join(scratch.path, "account.json");
  await writeGcsAccount(accountFile);
  const server = await startGcsServer("faults");
  const sessions = startGcsSessions(server.endpoint);
  // The server takes any token: what the service does with one of another time is done before it.
  const proxy = await startFaultProxy(sessions.url, [
    {
      times: Number.POSITIVE_INFINITY,
      when: ({ headers }) => {
        const times = timesOfToken(headers.authorization);
        const nowMs = Date.now();
        return times !== undefined && (times.issuedMs > nowMs || times.expiresMs < nowMs);
      },
      fault: refusal(401),
    },
  ]);
  const service = faultyService(proxy, {
    settings: {
      GS_PREFIX: "gs://faults/repository",
      STORAGE_EMULATOR_HOST: proxy.url,
      GCS_MAX_CHUNK_SIZE: String(PART_BYTES),
    },
    open: (settings, options) => openGcsStorage(readGcsSettings(settings, ""), options),
    async stop() {
      await sessions.stop();
      await server.stop();
      scratch[Symbol.dispose]();
    },
  });
  const account = {
    GCS_ENDPOINT: proxy.url,
    GOOGLE_APPLICATION_CREDENTIALS: accountFile,
  };
  return { ...service, sessions, account };
}

const REASONS: Readonly<Record<number, string>> = {
  401: "authError",
  403: "forbidden",
  429: "rateLimitExceeded",
  500: "internalError",
  503: "backendError",
};

function refusal(status: number, headers: Values = {}) {
  const reason = REASONS[status] ?? "invalid";
  const error = { code: status, message: "as the test wants it", errors: [{ reason }] };
  const type = { "content-type": "application/json" };
  const body = JSON.stringify({ error });
  return { kind: "answer", status, body, headers: { ...type, ...headers } } as const;
}

export function gcsDialect(service: () => FaultyGcs): FaultDialect {
  return {
    name: "GCS",
    service,
    whole: { method: "POST", url: /uploadType=multipart/ },
    part: { method: "PUT", url: /upload_id=/ },
    commit: { method: "PUT", url: /upload_id=/, skip: 2 },
    listing: { method: "GET", url: /\/o\?/ },
    partBytes: PART_BYTES,
    largeBytes: 5 * MIB + 17,
    answer: refusal,
    expired: () => refusal(401),
    timed: () => service().account,
    absentBucket: { GS_PREFIX: "gs://no-such-bucket/x" },
    unknownHost: { STORAGE_EMULATOR_HOST: `http://${UNRESOLVABLE_HOST}` },
  };
}
