import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startAzurite } from "../support/azurite.ts";
import { startGcsServer } from "../support/gcs-server.ts";
import { createBucket, startMinio } from "../support/minio.ts";
import { sftpSettings, startSftpServer } from "../support/sftp-server.ts";

/** A storage that tidemark and rclone are given alike. */
export interface Place extends AsyncDisposable {
  /** As in the table: `S3`. */
  readonly name: string;
  /** tidemark's settings. */
  readonly settings: Readonly<Record<string, string>>;
  readonly rclone: {
    /** What its objects' names begin with. */
    readonly root: string;
    readonly environment: Readonly<Record<string, string>>;
    /** What makes parts and concurrency those of tidemark's defaults. */
    readonly flags: readonly string[];
  };
  /** The server's own client, where there is one: `file` is a local path, `name` an object's. */
  readonly own?: {
    readonly name: string;
    put(file: string, name: string): readonly string[];
    get(name: string, file: string): readonly string[];
  };
  /** Processor time of the server so far, in milliseconds; undefined where there is none. */
  serverCpuMs(): number | undefined;
}

const BUCKET = "bench";
/** tidemark's defaults: eight parts in BUFFER_BUDGET, four of one object at once. */
export const PART = "8Mi";
export const PARTS_AT_ONCE = 4;

/** In the order of the table. Each is started when its turn comes. */
export const PLACES: readonly ((folder: string) => Promise<Place>)[] = [
  startS3,
  startGcs,
  startAzure,
  startSftp,
  startFolder,
];

async function startS3(): Promise<Place> {
  const minio = await startMinio();
  await createBucket(minio, BUCKET);
  return {
    name: "S3",
    settings: {
      TIDEMARK_S3_PREFIX: `s3://${BUCKET}`,
      AWS_ENDPOINT: minio.endpoint,
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
    },
    rclone: remote(
      { TYPE: "s3", PROVIDER: "Minio", ENDPOINT: minio.endpoint, NO_CHECK_BUCKET: "true" },
      { ACCESS_KEY_ID: minio.accessKey, SECRET_ACCESS_KEY: minio.secretKey },
      [`--s3-chunk-size=${PART}`, `--s3-upload-concurrency=${PARTS_AT_ONCE}`],
    ),
    serverCpuMs: () => cpuMsOf(minio.pid),
    [Symbol.asyncDispose]: () => minio.stop(),
  };
}

async function startGcs(): Promise<Place> {
  const server = await startGcsServer(BUCKET);
  return {
    name: "GCS",
    settings: { TIDEMARK_GS_PREFIX: `gs://${BUCKET}`, STORAGE_EMULATOR_HOST: server.endpoint },
    rclone: remote(
      { TYPE: "google cloud storage", ENDPOINT: `${server.endpoint}/storage/v1/` },
      { ANONYMOUS: "true", NO_CHECK_BUCKET: "true" },
      [],
    ),
    serverCpuMs: () => cpuMsOf(server.pid),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function startAzure(): Promise<Place> {
  const azurite = await startAzurite([BUCKET]);
  return {
    name: "Azure",
    settings: { ...azurite.settings, TIDEMARK_AZ_PREFIX: `azure://${BUCKET}` },
    rclone: remote(
      { TYPE: "azureblob", ENDPOINT: azurite.endpoint },
      { ACCOUNT: azurite.account, KEY: azurite.key, USE_EMULATOR: "true" },
      [`--azureblob-chunk-size=${PART}`, `--azureblob-upload-concurrency=${PARTS_AT_ONCE}`],
    ),
    serverCpuMs: () => cpuMsOf(azurite.pid),
    [Symbol.asyncDispose]: () => azurite.stop(),
  };
}

async function startSftp(): Promise<Place> {
  const server = await startSftpServer();
  const { port, userName, root, keyFile, knownHostsFile } = server;
  const settings = Object.entries(sftpSettings(server));
  const scp = [
    ...["scp", "-q", "-P", `${port}`, "-i", keyFile],
    ...["-o", `UserKnownHostsFile=${knownHostsFile}`],
  ];
  const remoteRoot = `${userName}@127.0.0.1:${root}`;
  return {
    name: "SFTP",
    settings: Object.fromEntries(settings.map(([key, value]) => [`TIDEMARK_${key}`, value])),
    rclone: remote(
      { TYPE: "sftp", HOST: "127.0.0.1", PORT: `${port}`, USER: userName, KEY_FILE: keyFile },
      { KNOWN_HOSTS_FILE: knownHostsFile, DISABLE_HASHCHECK: "true", SHELL_TYPE: "unix" },
      [],
      root,
    ),
    own: {
      name: "scp",
      put: (file, name) => [...scp, file, `${remoteRoot}/${name}`],
      get: (name, file) => [...scp, `${remoteRoot}/${name}`, file],
    },
    // A process of its own serves each session, and is gone with its account when that ends.
    serverCpuMs: () => undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function startFolder(folder: string): Promise<Place> {
  const path = join(folder, "repository");
  mkdirSync(path);
  return {
    name: "Directory",
    settings: { TIDEMARK_FILE_PREFIX: path },
    rclone: { root: path, environment: {}, flags: [] },
    own: {
      name: "cp",
      put: (file, name) => ["cp", file, join(path, name)],
      get: (name, file) => ["cp", join(path, name), file],
    },
    serverCpuMs: () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}

/** rclone takes what else its configuration file holds from the environment. */
function remote(
  facts: Readonly<Record<string, string>>,
  further: Readonly<Record<string, string>>,
  flags: readonly string[],
  root = BUCKET,
): Place["rclone"] {
  const environment = Object.entries({ ...facts, ...further }).map(([key, value]) => [
    `RCLONE_CONFIG_PEER_${key}`,
    value,
  ]);
  return { root: `peer:${root}`, environment: Object.fromEntries(environment), flags };
}

const TICK_MS = 10;

/** A process and those of its children that it waited for, by the kernel's account. */
function cpuMsOf(processId: number | undefined): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  return TICK_MS * ticks.reduce((sum, count) => sum + count, 0);
}
