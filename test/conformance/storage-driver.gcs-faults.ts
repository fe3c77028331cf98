// What the fault tests of Google Cloud Storage share: a server with strict uploads behind a proxy.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openGcsStorage } from "../../src/storage/gcs/open.ts";
import { readGcsSettings } from "../../src/storage/gcs/settings.ts";
import { retrying } from "../../src/storage/wrap/retrying.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startGcsServer } from "../support/gcs-server.ts";
import { type GcsSessions, startGcsSessions } from "../support/gcs-sessions.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import {
  ATTEMPTS_MAX,
  type FaultDialect,
  type FaultyService,
  IDLE_TIMEOUT_MS,
  MIB,
  PART_BYTES,
} from "./storage-driver.service-faults.ts";

export interface FaultyGcs extends FaultyService {
  readonly sessions: GcsSessions;
}

export async function startFaultyGcs(): Promise<FaultyGcs> {
  const server = await startGcsServer("faults");
  const sessions = startGcsSessions(server.endpoint);
  const proxy = await startFaultProxy(sessions.url);
  return {
    proxy,
    sessions,
    async open(settings = {}, beforeRetry) {
      const policy = quickPolicy(ATTEMPTS_MAX, beforeRetry);
      const reader = mapSettings({
        GS_PREFIX: "gs://faults/repository",
        STORAGE_EMULATOR_HOST: proxy.url,
        GCS_MAX_CHUNK_SIZE: String(PART_BYTES),
        ...settings,
      });
      const driver = await openGcsStorage(readGcsSettings(reader, ""), {
        budget: new ByteBudget(32 * MIB),
        log: SILENT_LOGGER,
        clock: SYSTEM_CLOCK,
        policy,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      });
      return { driver: retrying(driver, policy), policy };
    },
    async stop() {
      await proxy.stop();
      await sessions.stop();
      await server.stop();
    },
  };
}

export function gcsDialect(service: () => FaultyService): FaultDialect {
  const reasons: Readonly<Record<number, string>> = {
    403: "forbidden",
    429: "rateLimitExceeded",
    500: "internalError",
    503: "backendError",
  };
  return {
    name: "GCS",
    service,
    whole: { method: "POST", url: /uploadType=multipart/ },
    part: { method: "PUT", url: /upload_id=/ },
    commit: { method: "PUT", url: /upload_id=/, skip: 2 },
    listing: { method: "GET", url: /\/o\?/ },
    answer: (status, headers = {}) => {
      const reason = reasons[status] ?? "invalid";
      const error = { code: status, message: "as the test wants it", errors: [{ reason }] };
      const type = { "content-type": "application/json" };
      const body = JSON.stringify({ error });
      return { kind: "answer", status, body, headers: { ...type, ...headers } };
    },
    absentBucket: { GS_PREFIX: "gs://no-such-bucket/x" },
    unknownHost: { STORAGE_EMULATOR_HOST: "http://no-such-host.invalid" },
  };
}
