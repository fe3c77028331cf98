import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import { credentialSource } from "../../storage/s3/credentials.ts";
import { type CredentialSettings, readCredentials } from "../../storage/s3/settings.ts";
import { sha256Hex, signRequest } from "../../storage/s3/signer.ts";
import { readEndpointUrl } from "../../storage/service/settings.ts";
import { type KeyService, RefusedByKeyService } from "../data-keys.ts";
import {
  type Answer,
  type AskOptions,
  ask,
  bytesField,
  isDeniedStatus,
  isPassingStatus,
  refusal,
  toBase64,
} from "./ask.ts";
import { readKeyId } from "./key-id.ts";

export interface AwsKmsSettings {
  readonly keyId: string;
  readonly region: string;
  readonly endpoint: URL;
  readonly credentials: CredentialSettings;
}

/** The region is the one that is set, or that of the key's ARN, or that of the storage. */
export function readAwsKmsSettings(settings: SettingReader): AwsKmsSettings {
  const keyId = readKeyId(settings, "CSE_KMS_ID");
  const region =
    settings.text("CSE_KMS_REGION") ??
    /^arn:[^:]+:kms:([^:]+):/.exec(keyId)?.[1] ??
    settings.text("AWS_REGION") ??
    settings.text("AWS_DEFAULT_REGION");
  if (region === undefined) {
    throw new ConfigError(
      "CSE_KMS_REGION: the region of the KMS key is not known",
      "Set WALG_CSE_KMS_REGION, or give the key as its ARN.",
    );
  }
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new ConfigError(`CSE_KMS_REGION: ${region} is no region`, "Give it like eu-central-1.");
  }
  const url = settings.text("CSE_KMS_ENDPOINT");
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return {
    keyId,
    region,
    endpoint:
      url === undefined
        ? new URL(`https://kms.${region}.${suffix}/`)
        : readEndpointUrl("CSE_KMS_ENDPOINT", url),
    credentials: readCredentials(settings),
  };
}

/**
 * AWS KMS by its JSON interface. What is read may be of another key than the one that is set: the
 * service knows it from the bytes, so that keys can be changed.
 */
export function openAwsKms(
  settings: AwsKmsSettings,
  options: Omit<AskOptions, "name">,
): KeyService {
  const { keyId, region } = settings;
  const name = `AWS KMS key ${keyId} in ${region}`;
  const { transport, clock } = options;
  const now = () => clock.now();
  const credentials = credentialSource(settings.credentials, {
    storage: name,
    region,
    transport,
    now,
  });
  const call = async (action: string, content: Readonly<Record<string, string>>) => {
    const body = JSON.stringify(content);
    const makeRequest = async () => {
      const request = {
        method: "POST",
        url: settings.endpoint,
        headers: {
          "content-type": "application/x-amz-json-1.1",
          "x-amz-target": `TrentService.${action}`,
        },
        bodySha256: sha256Hex(body),
      };
      const scope = { credentials: await credentials.get(), region, service: "kms", now: now() };
      const { method, url } = request;
      return { method, url, headers: signRequest(request, scope), body };
    };
    return await ask({ ...options, name }, makeRequest, (answer) => explain(name, answer));
  };
  return {
    name,
    async encrypt(plain) {
      const answer = await call("Encrypt", { KeyId: keyId, Plaintext: toBase64(plain) });
      return bytesField(name, answer, "CiphertextBlob");
    },
    async decrypt(encrypted) {
      const answer = await call("Decrypt", { CiphertextBlob: toBase64(encrypted) });
      return bytesField(name, answer, "Plaintext");
    },
  };
}

const REFUSALS = new Set(["InvalidCiphertextException", "IncorrectKeyException"]);
/** What AWS says of bytes under a key that it does not have, or that is not ours to use. */
const FOREIGN = /^The ciphertext refers to a customer master key that does not exist/;
const PASSING = new Set([
  "ThrottlingException",
  "Throttling",
  "LimitExceededException",
  "RequestLimitExceeded",
  "KeyUnavailableException",
  "DependencyTimeoutException",
  "KMSInternalException",
]);
const DENIED = new Set([
  "AccessDeniedException",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "InvalidClientTokenId",
  "IncompleteSignature",
  "ExpiredTokenException",
  "MissingAuthenticationTokenException",
]);
const HINTS = {
  denied:
    "Let these credentials use the key: kms:Encrypt where is written, kms:Decrypt where is read.",
  other: "Check CSE_KMS_ID and CSE_KMS_REGION, and whether the key is enabled.",
};

function explain(name: string, { status, fields }: Answer): Error {
  const type = fields["__type"];
  // Some services write the name behind their own: "com.amazonaws.kms#NotFoundException".
  const code = typeof type === "string" ? type.replace(/^.*#/, "") : `status ${status}`;
  const message = fields["message"] ?? fields["Message"];
  const detail = typeof message === "string" ? `${code}: ${message}` : code;
  if (REFUSALS.has(code) || FOREIGN.test(String(message))) return new RefusedByKeyService(detail);
  const isDenied = DENIED.has(code) || isDeniedStatus(status);
  const isTransient = PASSING.has(code) || isPassingStatus(status);
  return refusal(name, { detail, isDenied, isTransient, hints: HINTS });
}
