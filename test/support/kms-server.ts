import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { installKms } from "./kms-install.ts";
import { startServerProcess } from "./server-process.ts";

/** A running server with the interface of AWS KMS. */
export interface KmsServer {
  readonly endpoint: string;
  readonly region: string;
  /** Of keys that it has. */
  readonly keyIds: readonly string[];
  /** Region, endpoint and credentials as settings, with the first key. */
  readonly settings: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const REGION = "eu-central-1";
const ACCOUNT = "111122223333";
/**
 * The server writes the name of the key into what it encrypts. AWS makes 184 bytes of a data key,
 * and so does the server with names of this length.
 */
const KEY_ID_LENGTH = 77;
const READY_TIMEOUT_MS = 30_000;
/** For the hook that starts one: the first ever has to build it. */
export const KMS_HOOK_TIMEOUT_MS = 5 * 60_000;

export interface KmsServerOptions {
  /** In hexadecimal, 32 bytes each; random ones where left out. */
  readonly keys?: readonly string[];
  /** Of the keys' names: other lengths make other sizes of what is encrypted. */
  readonly keyIdLength?: number;
}

/** Starts a server of its own with two keys. */
export async function startKmsServer(options: KmsServerOptions = {}): Promise<KmsServer> {
  const program = await installKms();
  const dir = mkdtempSync(join(tmpdir(), "tidemark-kms-"));
  const keys = options.keys ?? [randomKey(), randomKey()];
  const keyIds = keys.map((_, index) => keyId(index, options.keyIdLength ?? KEY_ID_LENGTH));
  const seed = join(dir, "seed.yaml");
  writeFileSync(seed, seedText(keyIds, keys));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    KMS_REGION: REGION,
    KMS_ACCOUNT_ID: ACCOUNT,
    KMS_DATA_PATH: join(dir, "data"),
    KMS_SEED_PATH: seed,
  };
  const { stop } = await startServerProcess(
    { name: "local-kms", argv: [program], dir, env },
    (child) => waitUntilReady(endpoint, child),
  );
  const settings = {
    WALG_CSE_KMS_ID: keyIds[0] ?? "",
    WALG_CSE_KMS_REGION: REGION,
    TIDEMARK_CSE_KMS_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: "kms-user",
    AWS_SECRET_ACCESS_KEY: "kms-secret-that-must-not-be-seen",
  };
  return { endpoint, region: REGION, keyIds, settings, stop };
}

function randomKey(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
}

function keyId(index: number, length: number): string {
  return `${crypto.randomUUID()}-${index}-`.padEnd(length, "0");
}

function seedText(keyIds: readonly string[], keys: readonly string[]): string {
  const entries = keyIds.flatMap((id, index) => [
    "      - Metadata:",
    `          KeyId: ${id}`,
    "        BackingKeys:",
    `          - ${keys[index]}`,
  ]);
  return ["Keys:", "  Symmetric:", "    Aes:", ...entries, ""].join("\n");
}

async function waitUntilReady(endpoint: string, child: Bun.Subprocess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(endpoint, { method: "POST", body: "{}" }).catch(() => undefined);
    if (answer !== undefined) return;
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`not ready after ${READY_TIMEOUT_MS} ms`);
    await Bun.sleep(20);
  }
}
