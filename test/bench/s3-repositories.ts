import { copyFileSync } from "node:fs";
import { createBucket, type Minio, startMinio } from "../support/minio.ts";
import { mustRunAsServer } from "../support/run-as.ts";
import { giveToServers } from "../support/scratch.ts";
import { type BenchCluster, WORKERS } from "./bench-cluster.ts";

const BUCKET = "bench";

/**
 * A repository each for tidemark and pgBackRest in one MinIO, over HTTPS: pgBackRest knows no
 * other way to S3. Each run gets new ones, since nothing is gained by deleting.
 */
export class S3Repositories implements AsyncDisposable {
  readonly #bench: BenchCluster;
  readonly #minio: Minio;
  readonly #caFile: string;
  #runs = 0;

  private constructor(bench: BenchCluster, minio: Minio, caFile: string) {
    this.#bench = bench;
    this.#minio = minio;
    this.#caFile = caFile;
  }

  static async start(bench: BenchCluster): Promise<S3Repositories> {
    const minio = await startMinio({ isTls: true });
    if (minio.caFile === undefined) throw new Error("MinIO has no certificate");
    await createBucket(minio, BUCKET);
    // Its own folder is closed to the servers' account.
    const caFile = bench.path("minio.crt");
    copyFileSync(minio.caFile, caFile);
    giveToServers(caFile);
    return new S3Repositories(bench, minio, caFile);
  }

  /** Names the next run's repositories. */
  startRun(): void {
    this.#runs += 1;
  }

  /** The program's settings, as many segments at once as pgBackRest has processes. */
  get environment(): Readonly<Record<string, string>> {
    const { TIDEMARK_FILE_PREFIX: _, ...others } = this.#bench.environment;
    return {
      ...others,
      TIDEMARK_S3_PREFIX: `s3://${BUCKET}/tidemark-${this.#runs}`,
      TIDEMARK_UPLOAD_CONCURRENCY: `${WORKERS}`,
      TIDEMARK_S3_CA_CERT_FILE: this.#caFile,
      AWS_ENDPOINT: this.#minio.endpoint,
      AWS_ACCESS_KEY_ID: this.#minio.accessKey,
      AWS_SECRET_ACCESS_KEY: this.#minio.secretKey,
    };
  }

  pgbackrest(...words: readonly string[]): string[] {
    const { hostname, port } = new URL(this.#minio.endpoint);
    return this.#bench.pgbackrest(
      ...["--repo1-type=s3", `--repo1-path=/pgbackrest-${this.#runs}`],
      ...[`--repo1-s3-bucket=${BUCKET}`, `--repo1-s3-endpoint=${hostname}`],
      ...[`--repo1-storage-port=${port}`, `--repo1-storage-ca-file=${this.#caFile}`],
      ...["--repo1-s3-region=us-east-1", "--repo1-s3-uri-style=path"],
      ...words,
    );
  }

  /** pgBackRest takes these from its environment alone, not from its command line. */
  get pgbackrestEnvironment(): Readonly<Record<string, string>> {
    return {
      PGBACKREST_REPO1_S3_KEY: this.#minio.accessKey,
      PGBACKREST_REPO1_S3_KEY_SECRET: this.#minio.secretKey,
    };
  }

  async createStanza(): Promise<void> {
    const env = { ...this.#bench.cluster.clientEnvironment, ...this.pgbackrestEnvironment };
    await mustRunAsServer(this.pgbackrest("stanza-create"), { env, timeoutMs: 60_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#minio.stop();
  }
}
