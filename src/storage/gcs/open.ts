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
import { createTransport } from "../service/transport.ts";
import { GcsApi } from "./api.ts";
import { GcsClient } from "./client.ts";
import { gcsTokens } from "./credentials.ts";
import { GCS_ERRORS } from "./errors.ts";
import { CHUNK_UNIT_BYTES, type GcsSettings } from "./settings.ts";

/** An upload may have any number of chunks. */
const PARTS_MAX = 2 ** 31;
/** One chunk is sent while the next is filled: the service takes them in order only. */
const PARTS_IN_FLIGHT = 2;

/** Opens a bucket of Google Cloud Storage. Nothing is sent. */
export async function openGcsStorage(
  settings: GcsSettings,
  options: ServiceOpenOptions,
): Promise<StorageDriver> {
  const { bucket, keyPrefix, endpoint, proxy } = settings;
  const { budget, policy, idleTimeoutMs, log } = options;
  const name = `gs://${bucket}/${keyPrefix.replace(/^\//, "")}`.replace(/\/$/, "");
  const clock = new ServiceClock(options.clock, { log, storage: name });
  const certificateAuthorities = await readAuthorities(settings.certificateFiles);
  const transport = createTransport({ clock, idleTimeoutMs, certificateAuthorities, proxy });
  const limit = { clock, limitMs: settings.requestLimitMs, setting: "GCS_CONTEXT_TIMEOUT" };
  const file = settings.credentialsFile;
  const client = new GcsClient({
    endpoint,
    bucket,
    tokens: settings.isAnonymous
      ? undefined
      : gcsTokens({ storage: name, file, clock, timeoutMs: idleTimeoutMs }),
    customerKey: settings.customerKey,
    transport: withDeadline(transport, limit),
    clock,
  });
  const loadControl = once(async () => {
    const { openSdkControl } = await import("./sdk-control.ts");
    return openSdkControl(client, { endpoint, bucket });
  });
  return new ServiceDriver({
    name,
    keyPrefix,
    api: new GcsApi(client, loadControl),
    budget,
    sizing: {
      partsMax: PARTS_MAX,
      partBytesMin: CHUNK_UNIT_BYTES,
      partBytesMax: settings.partBytesMax,
      budgetBytes: budget.totalBytes,
      partsInFlightMax: PARTS_IN_FLIGHT,
    },
    errors: GCS_ERRORS,
    partSizeSetting: "GCS_MAX_CHUNK_SIZE",
    policy,
    resumesMax: RESUMES_MAX,
    connectionsMax: settings.concurrencyMax,
    deleteBatchMax: SINGLE_DELETES_MAX,
    conditionalPut: true,
    clock,
    log,
  });
}
