// What the fault tests of Azure Blob Storage share: a container of Azurite behind a proxy.
import { openAzureStorage } from "../../src/storage/azure/open.ts";
import { readAzureSettings } from "../../src/storage/azure/settings.ts";
import { startAzurite } from "../support/azurite.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { UNRESOLVABLE_HOST } from "../support/unresolvable-host.ts";
import {
  type FaultDialect,
  type FaultyService,
  faultyService,
  MIB,
  SKEW_MAX_MS,
  type Values,
} from "./storage-driver.faulty-service.ts";

const PART_BYTES = 2 * MIB;

export async function startFaultyAzure(): Promise<FaultyService> {
  const azurite = await startAzurite(["faults"]);
  const endpoint = new URL(azurite.endpoint);
  // Azurite takes a signature of any time: what the service does with it is done before it.
  const proxy = await startFaultProxy(endpoint.origin, [
    {
      times: Number.POSITIVE_INFINITY,
      when: ({ headers }) =>
        Math.abs(Date.parse(String(headers["x-ms-date"])) - Date.now()) > SKEW_MAX_MS,
      fault: refusal(403, { "x-ms-error-code": "AuthenticationFailed" }),
    },
  ]);
  return faultyService(proxy, {
    settings: {
      AZ_PREFIX: "azure://faults/repository",
      AZURE_STORAGE_ACCOUNT: azurite.account,
      AZURE_STORAGE_ACCESS_KEY: azurite.key,
      AZURE_ENDPOINT: `${proxy.url}${endpoint.pathname}`,
      AZURE_BUFFER_SIZE: String(PART_BYTES),
    },
    open: (settings, options) => openAzureStorage(readAzureSettings(settings, ""), options),
    stop: () => azurite.stop(),
  });
}

const CODES: Readonly<Record<number, string>> = {
  403: "AuthorizationFailure",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServerBusy",
};

function refusal(status: number, headers: Values = {}) {
  const code = CODES[status] ?? "InvalidInput";
  const body =
    '<?xml version="1.0" encoding="utf-8"?>' +
    `<Error><Code>${code}</Code><Message>as the test wants it</Message></Error>`;
  const all = { "x-ms-error-code": code, ...headers };
  return { kind: "answer", status, body, headers: all } as const;
}

export function azureDialect(service: () => FaultyService): FaultDialect {
  return {
    name: "Azure",
    service,
    whole: { method: "PUT", url: /^[^?]*$/ },
    part: { method: "PUT", url: /comp=block&/ },
    commit: { method: "PUT", url: /comp=blocklist/ },
    listing: { method: "GET", url: /comp=list/ },
    partBytes: PART_BYTES,
    largeBytes: 5 * MIB + 17,
    answer: refusal,
    expired: () => refusal(403, { "x-ms-error-code": "AuthenticationFailed" }),
    timed: () => ({}),
    absentBucket: { AZ_PREFIX: "azure://no-such-container/x" },
    unknownHost: { AZURE_ENDPOINT: `http://${UNRESOLVABLE_HOST}/account` },
  };
}
