import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startAzurite } from "./azurite.ts";
import type { Environment } from "./backup-site.ts";
import { startGcsServer } from "./gcs-server.ts";
import { createBucket, startMinio } from "./minio.ts";
import { giveToServers, makeScratch } from "./scratch.ts";
import { sftpSettings, startSftpServer } from "./sftp-server.ts";

/** A storage that runs, as users name it in settings. */
export interface StorageService {
  /** Of an empty repository. */
  repository(path: string): Environment;
  /** Of a bucket or folder that is not there. */
  readonly absent: Environment;
  /** Of a server that nobody runs; undefined: it needs none. */
  readonly gone: Environment | undefined;
  /** Of a client or a server that the other does not trust. */
  readonly refused: Environment | undefined;
  stop(): Promise<void>;
}

export const STORAGES = ["file", "s3", "gcs", "azure", "sftp"] as const;
export type StorageName = (typeof STORAGES)[number];

/** For the hook that starts them: the first ever may have to build some. */
export const STORAGES_HOOK_TIMEOUT_MS = 20 * 60_000;

const START: Readonly<Record<StorageName, () => Promise<StorageService>>> = {
  file: startFolder,
  s3: startS3,
  gcs: startGcs,
  azure: startAzure,
  sftp: startSftp,
};

/** All of them, started at the same time. */
export async function startStorages(): Promise<Readonly<Record<StorageName, StorageService>>> {
  const started = await Promise.all(
    STORAGES.map(async (name) => [name, await START[name]()] as const),
  );
  return Object.fromEntries(started) as Record<StorageName, StorageService>;
}

async function startFolder(): Promise<StorageService> {
  const scratch = makeScratch("storage");
  return {
    repository(path) {
      const folder = join(scratch.path, path);
      mkdirSync(folder, { recursive: true });
      giveToServers(folder);
      return { WALG_FILE_PREFIX: folder };
    },
    absent: { WALG_FILE_PREFIX: join(scratch.path, "nowhere") },
    gone: undefined,
    refused: undefined,
    stop: async () => scratch[Symbol.dispose](),
  };
}

async function startS3(): Promise<StorageService> {
  const minio = await startMinio();
  await createBucket(minio, "backups");
  const settings = (prefix: string, endpoint = minio.endpoint) => ({
    WALG_S3_PREFIX: prefix,
    AWS_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_S3_FORCE_PATH_STYLE: "true",
    AWS_REGION: "us-east-1",
  });
  return {
    repository: (path) => settings(`s3://backups/${path}`),
    absent: settings("s3://nowhere/db"),
    gone: { ...settings("s3://backups/wal", "http://127.0.0.1:9"), WALG_S3_MAX_RETRIES: "1" },
    refused: { ...settings("s3://backups/wal"), AWS_SECRET_ACCESS_KEY: "wrong" },
    stop: () => minio.stop(),
  };
}

async function startGcs(): Promise<StorageService> {
  const server = await startGcsServer("backups");
  const settings = (prefix: string, endpoint = server.endpoint) => ({
    WALG_GS_PREFIX: prefix,
    STORAGE_EMULATOR_HOST: endpoint,
  });
  return {
    repository: (path) => settings(`gs://backups/${path}`),
    absent: settings("gs://nowhere/db"),
    gone: { ...settings("gs://backups/wal", "http://127.0.0.1:9"), GCS_MAX_RETRIES: "1" },
    refused: undefined,
    stop: () => server.stop(),
  };
}

async function startAzure(): Promise<StorageService> {
  const azurite = await startAzurite(["backups"]);
  const settings = (prefix: string) => ({ ...azurite.settings, WALG_AZ_PREFIX: prefix });
  return {
    repository: (path) => settings(`azure://backups/${path}`),
    absent: settings("azure://nowhere/db"),
    gone: {
      ...settings("azure://backups/wal"),
      TIDEMARK_AZURE_ENDPOINT: "http://127.0.0.1:9/account",
      TIDEMARK_AZURE_MAX_RETRIES: "1",
    },
    refused: {
      ...settings("azure://backups/wal"),
      AZURE_STORAGE_ACCESS_KEY: Buffer.from("wrong").toString("base64"),
    },
    stop: () => azurite.stop(),
  };
}

async function startSftp(): Promise<StorageService> {
  const server = await startSftpServer();
  const { SSH_PREFIX, SSH_PRIVATE_KEY_PATH, SSH_KNOWN_HOSTS } = sftpSettings(server);
  const settings = (prefix: string) => ({
    WALG_SSH_PREFIX: prefix,
    SSH_PRIVATE_KEY_PATH,
    TIDEMARK_SSH_KNOWN_HOSTS: SSH_KNOWN_HOSTS,
  });
  return {
    repository: (path) => ({ ...settings(SSH_PREFIX), WALG_STORAGE_PREFIX: path }),
    absent: settings(`${SSH_PREFIX}/nowhere`),
    gone: { ...settings("ssh://127.0.0.1:9/x"), TIDEMARK_SSH_MAX_RETRIES: "1" },
    refused: { ...settings(SSH_PREFIX), TIDEMARK_SSH_KNOWN_HOSTS: "/dev/null" },
    stop: async () => server[Symbol.asyncDispose](),
  };
}
