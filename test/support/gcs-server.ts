import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { installGcsServer } from "./gcs-install.ts";
import { startServerProcess } from "./server-process.ts";

/** A running fake-gcs-server: Google Cloud Storage's interface over memory. */
export interface GcsServer {
  readonly endpoint: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 30_000;
/** For the hook that starts one: the first ever may have to build it. */
export const GCS_HOOK_TIMEOUT_MS = 10 * 60_000;

/** Starts a server of its own with empty buckets; the first use ever builds it. */
export async function startGcsServer(...buckets: readonly string[]): Promise<GcsServer> {
  const program = await installGcsServer();
  const dir = mkdtempSync(join(tmpdir(), "tidemark-gcs-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const argv = [
    ...[program, "-scheme", "http", "-host", "127.0.0.1", "-port", String(port)],
    ...["-backend", "memory", "-log-level", "error"],
  ];
  const env = { PATH: process.env["PATH"] ?? "", HOME: dir, TMPDIR: dir };
  const { child, stop } = await startServerProcess(
    { name: "fake-gcs-server", argv, dir, env },
    async (started) => {
      await waitUntilReady(endpoint, started);
      for (const bucket of buckets) await createGcsBucket(endpoint, bucket);
    },
  );
  return { endpoint, pid: child.pid, stop };
}

async function createGcsBucket(endpoint: string, name: string): Promise<void> {
  const response = await fetch(`${endpoint}/storage/v1/b?project=tests`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (!response.ok) throw new Error(`bucket ${name}: ${await response.text()}`);
  await response.text();
}

async function waitUntilReady(endpoint: string, child: Bun.Subprocess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${endpoint}/_internal/healthcheck`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`not ready after ${READY_TIMEOUT_MS} ms`);
    await Bun.sleep(50);
  }
}
