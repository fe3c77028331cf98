import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { ConfigError, errnoOf, messageOf } from "../../base/errors.ts";
import { AccessDeniedError } from "../errors.ts";
import { ConnectionError } from "../service/errors.ts";
import { cachedTokens, type Token, type TokenSource } from "../service/token-source.ts";
import { parseAccountKey, signToken } from "./account-token.ts";

const SETTING = "GOOGLE_APPLICATION_CREDENTIALS";

interface CredentialOptions {
  readonly storage: string;
  /** undefined: as Google's tools find them. */
  readonly file: string | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Tokens for requests. A service account's key signs them here, without a request; any other kind
 * of file (workload identity, an authorized user), and the metadata server, are the SDK's part.
 */
export function gcsTokens(options: CredentialOptions): TokenSource {
  return cachedTokens(() => newToken(options), options);
}

/** The file is read again each time: it may have been replaced by one that is valid. */
async function newToken(options: CredentialOptions): Promise<Token> {
  const { file, clock } = options;
  const account = file === undefined ? undefined : parseAccountKey(SETTING, readKeyFile(file));
  return account === undefined ? askSdk(options) : signToken(SETTING, account, clock.now());
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`${SETTING}: ${path}: ${errnoOf(error) ?? "cannot be read"}`);
  }
}

async function askSdk({ file, storage }: CredentialOptions): Promise<Token> {
  const { Storage } = await import("@google-cloud/storage");
  const named = file === undefined ? {} : { keyFilename: file };
  const { authClient } = new Storage({ ...named, projectId: "none" });
  try {
    const client = await authClient.getClient();
    const { token } = await client.getAccessToken();
    if (token === null || token === undefined || token === "") {
      throw new ConnectionError("the answer holds no token");
    }
    const { expiry_date: expiryMs } = client.credentials;
    return {
      value: token,
      expiresAt: typeof expiryMs === "number" ? new Date(expiryMs) : undefined,
    };
  } catch (error) {
    throw translated(error, storage);
  }
}

function translated(error: unknown, storage: string): unknown {
  if (error instanceof ConnectionError) return error;
  const status = statusOf(error);
  if (status !== undefined && status < 500 && status !== 429) {
    return new AccessDeniedError({ storage, detail: `credentials: status ${status}` });
  }
  // Its own objects carry requests with secrets: only the text goes on.
  const plain = new Error(messageOf(error));
  if (status !== undefined || errnoOf(error) !== undefined) {
    return new ConnectionError(`no credentials: ${plain.message}`, plain);
  }
  return new ConfigError(
    `${storage}: no credentials: ${plain.message}`,
    `Set ${SETTING} to the file of a service account, or run where the metadata server answers.`,
  );
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("response" in error)) return undefined;
  const { response } = error;
  const hasStatus = typeof response === "object" && response !== null && "status" in response;
  return hasStatus && typeof response.status === "number" ? response.status : undefined;
}
