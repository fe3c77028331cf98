import type { Clock } from "../../base/clock.ts";
import type { StorageDriver } from "../driver.ts";
import { readAuthorities } from "../service/authorities.ts";
import { withDeadline } from "../service/deadline.ts";
import { ServiceDriver } from "../service/driver.ts";
import {
  once,
  RESUMES_MAX,
  type ServiceOpenOptions,
  SINGLE_DELETES_MAX,
} from "../service/opening.ts";
import { ServiceClock } from "../service/service-clock.ts";
import { createTransport, type Transport } from "../service/transport.ts";
import { AzureApi } from "./api.ts";
import { AzureClient } from "./client.ts";
import { AZURE_ERRORS } from "./errors.ts";
import type { AzureSettings } from "./settings.ts";

/** The service takes no more blocks of one blob. */
const PARTS_MAX = 50_000;
const PART_BYTES_MIN = 1024;

/** Opens a container of Azure Blob Storage. Nothing is sent. */
export async function openAzureStorage(
  settings: AzureSettings,
  options: ServiceOpenOptions,
): Promise<StorageDriver> {
  const { container, keyPrefix, endpoint, proxy } = settings;
  const { budget, policy, idleTimeoutMs, log } = options;
  const name = `azure://${container}/${keyPrefix}`.replace(/\/$/, "");
  const clock = new ServiceClock(options.clock, { log, storage: name });
  const certificateAuthorities = await readAuthorities(settings.certificateFiles);
  const transport = createTransport({ clock, idleTimeoutMs, certificateAuthorities, proxy });
  const limit = { clock, limitMs: settings.requestLimitMs, setting: "AZURE_TRY_TIMEOUT" };
  const client = new AzureClient({
    endpoint,
    container,
    apiVersion: settings.apiVersion,
    credentials: settings.credentials,
    tokens: await openTokens(settings, {
      storage: name,
      transport,
      clock,
      timeoutMs: idleTimeoutMs,
    }),
    transport: withDeadline(transport, limit),
    clock,
  });
  const loadControl = once(async () => {
    const { openSdkControl } = await import("./sdk-control.ts");
    return openSdkControl(client, { endpoint, container });
  });
  return new ServiceDriver({
    name,
    keyPrefix,
    api: new AzureApi(client, loadControl),
    budget,
    sizing: {
      partsMax: PARTS_MAX,
      partBytesMin: PART_BYTES_MIN,
      partBytesMax: settings.partBytesMax,
      budgetBytes: budget.totalBytes,
      partsInFlightMax: settings.partsInFlightMax,
    },
    errors: AZURE_ERRORS,
    partSizeSetting: "AZURE_BUFFER_SIZE",
    policy,
    resumesMax: RESUMES_MAX,
    connectionsMax: settings.concurrencyMax,
    deleteBatchMax: SINGLE_DELETES_MAX,
    conditionalPut: true,
    clock,
    log,
  });
}

async function openTokens(
  { credentials }: AzureSettings,
  options: {
    readonly storage: string;
    readonly transport: Transport;
    readonly clock: Clock;
    readonly timeoutMs: number;
  },
) {
  if (credentials.by !== "identity") return undefined;
  const { azureTokens } = await import("./identity.ts");
  return azureTokens({ ...options, identity: credentials.identity });
}
