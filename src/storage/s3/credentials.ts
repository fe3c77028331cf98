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

export interface CredentialSource {
  /** Those at the time of a request. */
  get(): Promise<S3Credentials>;
  /** The service refused these: whether there are others now. */
  replace(refused: S3Credentials): Promise<boolean>;
}

/** Renewed so long before they expire: an upload that begins now must not end refused. */
const RENEW_BEFORE_MS = 5 * 60_000;

/**
 * Static keys cost nothing; a role, a profile, a web
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
): CredentialSource {
  const { keys, role } = settings;
  if (keys !== undefined && role === undefined) {
    return { get: async () => keys, replace: async () => false };
  }
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
  const get = async (): Promise<S3Credentials> => {
    // A failure was its own caller's to tell; the next one asks again.
    const asked = current;
    const known = await asked?.catch(() => undefined);
    const isFresh =
      known !== undefined &&
      (known.expiration === undefined ||
        known.expiration.getTime() - options.now().getTime() > RENEW_BEFORE_MS);
    // Of all that find them old the first one asks.
    if (!isFresh && current === asked) current = ask();
    return current as Promise<Expiring>;
  };
  return {
    get,
    async replace(refused) {
      const asked = current;
      // A failure is no set of keys that could have been refused.
      const known = await asked?.catch(() => undefined);
      if (current === asked && known !== undefined && isSame(known, refused)) {
        // Providers keep what they read once, where it has no time of its own.
        provider = undefined;
        current = ask();
      }
      return !isSame(await get(), refused);
    },
  };
}

function isSame(one: S3Credentials, other: S3Credentials): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  );
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
    // Else a file that was replaced would not be read again.
    ignoreCache: true,
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
