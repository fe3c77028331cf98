// What the fault tests of Azure Blob Storage share: a container of Azurite behind a proxy.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SILENT_LOGGER } from "../../src/base/log.ts";
import { openAzureStorage } from "../../src/storage/azure/open.ts";
import { readAzureSettings } from "../../src/storage/azure/settings.ts";
import { retrying } from "../../src/storage/wrap/retrying.ts";
import { startAzurite } from "../support/azurite.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
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

export async function startFaultyAzure(): Promise<FaultyService> {
  const azurite = await startAzurite(["faults"]);
  const endpoint = new URL(azurite.endpoint);
  const proxy = await startFaultProxy(endpoint.origin);
  return {
    proxy,
    async open(settings = {}, beforeRetry) {
      const policy = quickPolicy(ATTEMPTS_MAX, beforeRetry);
      const reader = mapSettings({
        AZ_PREFIX: "azure://faults/repository",
        AZURE_STORAGE_ACCOUNT: azurite.account,
        AZURE_STORAGE_ACCESS_KEY: azurite.key,
        AZURE_ENDPOINT: `${proxy.url}${endpoint.pathname}`,
        AZURE_BUFFER_SIZE: String(PART_BYTES),
        ...settings,
      });
      const driver = await openAzureStorage(readAzureSettings(reader, ""), {
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
      await azurite.stop();
    },
  };
}

export function azureDialect(service: () => FaultyService): FaultDialect {
  const codes: Readonly<Record<number, string>> = {
    403: "AuthorizationFailure",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServerBusy",
  };
  return {
    name: "Azure",
    service,
    whole: { method: "PUT", url: /^[^?]*$/ },
    part: { method: "PUT", url: /comp=block&/ },
    commit: { method: "PUT", url: /comp=blocklist/ },
    listing: { method: "GET", url: /comp=list/ },
    answer: (status, headers = {}) => {
      const code = codes[status] ?? "InvalidInput";
      const body =
        '<?xml version="1.0" encoding="utf-8"?>' +
        `<Error><Code>${code}</Code><Message>as the test wants it</Message></Error>`;
      return { kind: "answer", status, body, headers: { "x-ms-error-code": code, ...headers } };
    },
    absentBucket: { AZ_PREFIX: "azure://no-such-container/x" },
    unknownHost: { AZURE_ENDPOINT: "http://no-such-host.invalid/account" },
  };
}
