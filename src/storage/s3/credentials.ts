import { ConfigError, messageOf } from "../../base/errors.ts";
import { AccessDeniedError } from "../errors.ts";
import { ConnectionError } from "../service/errors.ts";
import type { Transport } from "../service/transport.ts";
import { sdkHandler } from "./sdk-handler.ts";
import type { CredentialSettings } from "./settings.ts";
import type { S3Credentials } from "./signer.ts";

interface Expiring extends S3Credentials {
  readonly expiration?: Date | undefined;
}

type Provider = () => Promise<Expiring>;

/** Renewed so long before they expire: an upload that begins now must not end refused. */
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * Credentials at the time of a request. Static keys cost nothing; a role, a profile, a web
 * identity or the instance's metadata load the SDK's providers at the first request.
 */
export function credentialSource(
  settings: CredentialSettings,
  options: {
    readonly storage: string;
    readonly region: string;
    readonly transport: Transport;
    readonly now: () => Date;
  },
): () => Promise<S3Credentials> {
  const { keys, role } = settings;
  if (keys !== undefined && role === undefined) return async () => keys;
  let current: Promise<Expiring> | undefined;
  let provider: Promise<Provider> | undefined;
  const ask = async (): Promise<Expiring> => {
    provider ??= loadProvider(settings, options);
    try {
      return await (await provider)();
    } catch (error) {
      throw translated(error, options.storage);
    }
  };
  return async () => {
    // A failure was its own caller's to tell; the next one asks again.
    const known = await current?.catch(() => undefined);
    const isFresh =
      known !== undefined &&
      (known.expiration === undefined ||
        known.expiration.getTime() - options.now().getTime() > RENEW_BEFORE_MS);
    if (!isFresh) current = ask();
    return current as Promise<Expiring>;
  };
}

async function loadProvider(
  settings: CredentialSettings,
  options: { readonly region: string; readonly transport: Transport },
): Promise<Provider> {
  const providers = await import("@aws-sdk/credential-providers");
  const { keys, role, tokenServiceUrl, webIdentityTokenFile } = settings;
  const clientConfig = {
    region: options.region,
    requestHandler: sdkHandler(options.transport),
    ...(tokenServiceUrl === undefined ? {} : { endpoint: tokenServiceUrl }),
  };
  if (role === undefined)
    return providers.fromNodeProviderChain({ ...chainOf(settings), clientConfig });
  if (webIdentityTokenFile !== undefined && keys === undefined) {
    return providers.fromTokenFile({
      webIdentityTokenFile,
      roleArn: role.arn,
      roleSessionName: role.sessionName,
      clientConfig,
    });
  }
  const masterCredentials =
    keys === undefined
      ? providers.fromNodeProviderChain({ ...chainOf(settings), clientConfig })
      : toMaster(keys);
  return providers.fromTemporaryCredentials({
    masterCredentials,
    params: { RoleArn: role.arn, RoleSessionName: role.sessionName },
    clientConfig,
  });
}

function toMaster({ accessKeyId, secretAccessKey, sessionToken }: S3Credentials) {
  const token = sessionToken === undefined ? {} : { sessionToken };
  return { accessKeyId, secretAccessKey, ...token };
}

function chainOf({ profile, credentialsFile, configFile }: CredentialSettings) {
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(credentialsFile === undefined ? {} : { filepath: credentialsFile }),
    ...(configFile === undefined ? {} : { configFilepath: configFile }),
  };
}

function translated(error: unknown, storage: string): unknown {
  if (error instanceof ConnectionError) return error;
  const name = error instanceof Error ? error.name : "";
  if (name === "CredentialsProviderError" || name === "TokenProviderError") {
    return new ConfigError(
      `${storage}: no credentials: ${messageOf(error)}`,
      "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or AWS_ROLE_ARN.",
    );
  }
  return new AccessDeniedError({ storage, detail: `credentials: ${messageOf(error)}` });
}
