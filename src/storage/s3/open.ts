import { ConfigError } from "../../base/errors.ts";
import type { RetryPolicy } from "../../base/retry.ts";
import { retryTransient } from "../../base/retry.ts";
import type { StorageDriver } from "../driver.ts";
import type { ObjectApi } from "../service/api.ts";
import { readAuthorities } from "../service/authorities.ts";
import { ServiceDriver } from "../service/driver.ts";
import { once, type ServiceOpenOptions } from "../service/opening.ts";
import { ServiceClock } from "../service/service-clock.ts";
import { createTransport, type Transport } from "../service/transport.ts";
import { credentialSource } from "./credentials.ts";
import { DirectApi } from "./direct-api.ts";
import { discoverRegion, resolveEndpoint, type S3Endpoint } from "./endpoint.ts";
import { createEndpointSource } from "./endpoint-source.ts";
import { S3_ERRORS } from "./errors.ts";
import { PART_BYTES_MIN, PARTS_IN_FLIGHT_MAX, PARTS_MAX, type S3Settings } from "./settings.ts";

export interface S3OpenOptions extends ServiceOpenOptions {
  /** `direct`: bytes by our own signer; `sdk`: everything by the SDK. */
  readonly path: "direct" | "sdk";
}

/** Opens a bucket. Nothing is sent, unless the region is to be found or validation is on. */
export async function openS3Storage(
  settings: S3Settings,
  options: S3OpenOptions,
): Promise<StorageDriver> {
  const name = `s3://${settings.bucket}/${settings.keyPrefix}`.replace(/\/$/, "");
  const transport = await openTransport(settings, options);
  const region = await findRegion(settings, { ...options, transport, name });
  const endpoint = resolveEndpoint(settings, region);
  const driver = new ServiceDriver({
    name,
    keyPrefix: settings.keyPrefix,
    api: openApi(settings, { ...options, transport, endpoint, name }),
    budget: options.budget,
    sizing: {
      partsMax: PARTS_MAX,
      partBytesMin: PART_BYTES_MIN,
      partBytesMax: settings.partBytesMax,
      budgetBytes: options.budget.totalBytes,
      partsInFlightMax: Math.min(settings.concurrencyMax, PARTS_IN_FLIGHT_MAX),
    },
    connectionsMax: settings.concurrencyMax,
    errors: S3_ERRORS,
    partSizeSetting: "S3_MAX_PART_SIZE",
    policy: options.policy,
    resumesMax: settings.resumesMax,
    deleteBatchMax: settings.deleteBatchMax,
    // Of other services nobody knows; they are sent the condition all the same.
    conditionalPut: endpoint.isAws,
    clock: options.clock,
    log: options.log,
  });
  if (settings.shouldValidate) await validate(driver, options.policy);
  return driver;
}

function openApi(
  settings: S3Settings,
  options: S3OpenOptions & {
    readonly transport: Transport;
    readonly endpoint: S3Endpoint;
    readonly name: string;
  },
): ObjectApi {
  const { transport, endpoint, log, name: storage } = options;
  const clock = new ServiceClock(options.clock, { log, storage });
  const credentials = credentialSource(settings.credentials, {
    storage,
    region: endpoint.region,
    transport,
    now: () => clock.now(),
  });
  const { objects, bucket, isPathStyle, listVersion } = settings;
  const common = { endpoint, objects, credentials, transport, clock };
  const loadSdk = once(async (): Promise<ObjectApi> => {
    const { SdkApi } = await import("./sdk-api.ts");
    return new SdkApi({ ...common, bucket, isPathStyle, listVersion });
  });
  return options.path === "direct"
    ? new DirectApi({ ...common, rest: loadSdk })
    : new LazyApi(loadSdk);
}

/** Loads the SDK at the first call. */
class LazyApi implements ObjectApi {
  readonly #load: () => Promise<ObjectApi>;

  constructor(load: () => Promise<ObjectApi>) {
    this.#load = load;
  }

  putObject: ObjectApi["putObject"] = async (request) => (await this.#load()).putObject(request);
  getObject: ObjectApi["getObject"] = async (request) => (await this.#load()).getObject(request);
  headObject: ObjectApi["headObject"] = async (...all) => (await this.#load()).headObject(...all);
  createMultipartUpload: ObjectApi["createMultipartUpload"] = async (request) =>
    (await this.#load()).createMultipartUpload(request);
  uploadPart: ObjectApi["uploadPart"] = async (request) => (await this.#load()).uploadPart(request);
  completeMultipartUpload: ObjectApi["completeMultipartUpload"] = async (request) =>
    (await this.#load()).completeMultipartUpload(request);
  abortMultipartUpload: ObjectApi["abortMultipartUpload"] = async (upload) =>
    (await this.#load()).abortMultipartUpload(upload);
  listPage: ObjectApi["listPage"] = async (request) => (await this.#load()).listPage(request);
  deleteObjects: ObjectApi["deleteObjects"] = async (...all) =>
    (await this.#load()).deleteObjects(...all);

  close(): void {}
}

async function openTransport(settings: S3Settings, options: S3OpenOptions): Promise<Transport> {
  const common = {
    clock: options.clock,
    idleTimeoutMs: options.idleTimeoutMs,
    certificateAuthorities: await readAuthorities(settings.certificateFiles),
    proxy: settings.proxy,
  };
  const direct = createTransport(common);
  if (settings.endpointSource === undefined) return direct;
  const connectTo = createEndpointSource(settings.endpointSource, direct);
  return createTransport({ ...common, connectTo });
}

async function findRegion(
  settings: S3Settings,
  options: S3OpenOptions & { readonly transport: Transport; readonly name: string },
): Promise<string> {
  if (settings.region !== undefined) return settings.region;
  if (settings.endpoint !== undefined) return "us-east-1";
  const { signal } = new AbortController();
  const region = await retryTransient(options.policy, signal, async () => {
    try {
      return await discoverRegion(settings, options.transport, signal);
    } catch (error) {
      throw S3_ERRORS.toStorageError(error, { storage: options.name });
    }
  });
  if (region === undefined) {
    throw new ConfigError(
      `AWS_REGION: the region of bucket ${settings.bucket} cannot be found`,
      "Set AWS_REGION, or check the bucket's name in S3_PREFIX.",
    );
  }
  return region;
}

/** `S3_SKIP_VALIDATION=false`: the bucket must answer before anything else is done. */
async function validate(driver: StorageDriver, policy: RetryPolicy): Promise<void> {
  const { signal } = new AbortController();
  await retryTransient(policy, signal, async () => {
    for await (const _ of driver.list("", { signal })) return;
  });
}
