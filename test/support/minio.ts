import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMPTY_SHA256, signRequest } from "../../src/storage/s3/signer.ts";
import { installMinio } from "./minio-install.ts";
import { startServerProcess } from "./server-process.ts";

export interface MinioOptions {
  /** Serves HTTPS with a certificate of its own authority; `caFile` then names it. */
  readonly isTls?: boolean;
}

export interface MinioAddress {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The authority of its certificate. */
  readonly caFile: string | undefined;
}

/** A running MinIO with an empty store. */
export interface Minio extends MinioAddress {
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
/** For the hook that starts a MinIO: the first ever may have to build it. */
export const MINIO_HOOK_TIMEOUT_MS = 15 * 60_000;

/** Starts a MinIO of its own on a free port of the loopback; the first use ever builds it. */
export async function startMinio(options: MinioOptions = {}): Promise<Minio> {
  const program = await installMinio();
  const dir = mkdtempSync(join(tmpdir(), "tidemark-minio-"));
  const port = await freePort();
  const accessKey = `access${randomHex(8)}`;
  const secretKey = randomHex(20);
  const certificates = join(dir, "certs");
  mkdirSync(join(dir, "data"));
  mkdirSync(certificates);
  if (options.isTls === true) makeCertificate(certificates);
  const caFile = options.isTls === true ? join(certificates, "public.crt") : undefined;
  const endpoint = caFile === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const argv = [
    ...[program, "server", join(dir, "data"), "--address", `127.0.0.1:${port}`],
    ...["--certs-dir", certificates, "--quiet"],
  ];
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    MINIO_ROOT_USER: accessKey,
    MINIO_ROOT_PASSWORD: secretKey,
    MINIO_BROWSER: "off",
    MINIO_UPDATE: "off",
    MINIO_KMS_SECRET_KEY: `test-key:${Buffer.from(randomHex(16)).toString("base64")}`,
  };
  const { child, stop } = await startServerProcess({ name: "MinIO", argv, dir, env }, (started) =>
    waitUntilReady({ endpoint, accessKey, secretKey, caFile }, started),
  );
  return { endpoint, accessKey, secretKey, caFile, pid: child.pid, stop };
}

/** Makes a bucket; with `hasObjectLock` its objects can be retained. */
export async function createBucket(
  minio: MinioAddress,
  bucket: string,
  options: { readonly hasObjectLock?: boolean } = {},
): Promise<void> {
  const lock = options.hasObjectLock === true;
  const response = await askMinio(minio, {
    method: "PUT",
    path: `/${bucket}`,
    headers: lock ? { "x-amz-bucket-object-lock-enabled": "true" } : {},
  });
  if (!response.ok) throw new Error(`bucket ${bucket}: ${await response.text()}`);
}

/** One signed request without a body: for what the driver has no call for. */
export function askMinio(
  minio: MinioAddress,
  request: {
    readonly method: string;
    /** With its query, percent-encoded. */
    readonly path: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Response> {
  const url = new URL(`${minio.endpoint}${request.path}`);
  const headers = signRequest(
    { method: request.method, url, headers: request.headers ?? {}, bodySha256: EMPTY_SHA256 },
    {
      credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
      region: "us-east-1",
      now: new Date(),
    },
  );
  return fetch(url, { method: request.method, headers, ...trust(minio.caFile) });
}

function trust(caFile: string | undefined) {
  return caFile === undefined ? {} : { tls: { ca: readFileSync(caFile, "utf8") } };
}

/** Its own health page says yes before requests are served: only a served request proves it. */
async function waitUntilReady(minio: MinioAddress, child: Bun.Subprocess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const buckets = await askMinio(minio, { method: "GET", path: "/" }).catch(() => undefined);
    if (buckets?.ok === true) return;
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`not ready after ${READY_TIMEOUT_MS} ms`);
    await Bun.sleep(50);
  }
}

function makeCertificate(dir: string): void {
  if (Bun.which("openssl") === null) {
    throw new Error("openssl is missing; get it with `apt-get install openssl`");
  }
  const result = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ...["-nodes", "-days", "2", "-subj", "/CN=tidemark test authority"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", join(dir, "private.key"), "-out", join(dir, "public.crt")],
  ]);
  if (result.exitCode !== 0) throw new Error(`openssl: ${result.stderr.toString()}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
