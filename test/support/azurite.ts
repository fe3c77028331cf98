import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { AzureClient } from "../../src/storage/azure/client.ts";
import { createTransport } from "../../src/storage/service/transport.ts";
import { installAzurite } from "./azurite-install.ts";
import { freePort } from "./free-port.ts";
import { startServerProcess } from "./server-process.ts";
import { SERVICE_CLOCK } from "./service-clock.ts";

/** Azurite's own account, the same for everybody. */
const ACCOUNT = "devstoreaccount1";
const KEY =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export interface AzuriteOptions {
  /** HTTPS with this certificate, and tokens of identities: Azurite checks what is in them. */
  readonly tls?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    readonly authorityFile: string;
  };
}

/** A running Azurite: Azure Blob Storage on this machine. */
export interface Azurite {
  /** Of the account: containers are below it. */
  readonly endpoint: string;
  readonly account: string;
  readonly key: string;
  /** Account, key and endpoint as settings. */
  readonly settings: Readonly<Record<string, string>>;
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 60_000;
/** For the hook that starts one: the first ever has to get it. */
export const AZURITE_HOOK_TIMEOUT_MS = 5 * 60_000;

/** Starts an Azurite of its own with empty containers. */
export async function startAzurite(
  containers: readonly string[],
  options: AzuriteOptions = {},
): Promise<Azurite> {
  const script = await installAzurite();
  const dir = mkdtempSync(join(tmpdir(), "tidemark-azurite-"));
  const port = await freePort();
  const { tls } = options;
  const secure =
    tls === undefined
      ? []
      : ["--cert", tls.certificateFile, "--key", tls.keyFile, "--oauth", "basic"];
  const argv = [
    ...[process.execPath, script, "--silent", "--location", dir],
    ...["--blobHost", "127.0.0.1", "--blobPort", String(port)],
    ...["--disableTelemetry", "--skipApiVersionCheck", ...secure],
  ];
  const env = { PATH: process.env["PATH"] ?? "", HOME: dir };
  const host = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const endpoint = `${host}/${ACCOUNT}`;
  const { child, stop } = await startServerProcess(
    { name: "Azurite", argv, dir, env },
    async (started) => {
      for (const container of containers) {
        await createContainer(endpoint, { container, tls, child: started });
      }
    },
  );
  const settings = {
    AZURE_STORAGE_ACCOUNT: ACCOUNT,
    AZURE_STORAGE_ACCESS_KEY: KEY,
    TIDEMARK_AZURE_ENDPOINT: endpoint,
  };
  return { endpoint, account: ACCOUNT, key: KEY, settings, pid: child.pid, stop };
}

/** Repeated until it is served: nothing else says that it is ready. */
async function createContainer(
  endpoint: string,
  options: {
    readonly container: string;
    readonly tls: AzuriteOptions["tls"];
    readonly child: Bun.Subprocess;
  },
): Promise<void> {
  const { container, tls, child } = options;
  const client = new AzureClient({
    endpoint: new URL(endpoint),
    container,
    apiVersion: "2021-12-02",
    credentials: { by: "key", account: ACCOUNT, key: Buffer.from(KEY, "base64") },
    tokens: undefined,
    transport: createTransport({
      clock: SYSTEM_CLOCK,
      idleTimeoutMs: READY_TIMEOUT_MS,
      certificateAuthorities:
        tls === undefined ? undefined : [readFileSync(tls.authorityFile, "utf8")],
      proxy: { https: undefined, http: undefined, none: undefined },
    }),
    clock: SERVICE_CLOCK,
  });
  const url = new URL(`${endpoint}/${container}?restype=container`);
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
    const answer = await client.open({ method: "PUT", url, signal }).catch((error) => error);
    if (!(answer instanceof Error)) {
      if (answer.status === 201) return;
      throw await client.errorOf(answer);
    }
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`not ready: ${answer.message}`);
    await Bun.sleep(50);
  }
}
