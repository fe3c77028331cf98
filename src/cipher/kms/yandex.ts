import { ConfigError } from "../../base/errors.ts";
import { cachedTokens, type TokenSource } from "../../storage/service/token-source.ts";
import { type KeyService, RefusedByKeyService } from "../data-keys.ts";
import {
  ANSWER_TIMEOUT_MS,
  type Answer,
  type AskOptions,
  ask,
  bytesField,
  isDeniedStatus,
  isPassingStatus,
  KeyServiceError,
  refusal,
  textField,
  toBase64,
} from "./ask.ts";
import { type AccountKey, signedAccount } from "./yandex-account.ts";

export interface YandexKmsSettings {
  readonly keyId: string;
  /** undefined: the account of the machine, from its metadata service. */
  readonly account: AccountKey | undefined;
  /** Where another installation tells the addresses of its services; undefined: the public one. */
  readonly endpoint: URL | undefined;
  /** The machine's metadata service. */
  readonly metadata: URL;
}

interface Addresses {
  readonly kms: URL;
  readonly iam: URL;
}

/** Of the public installation. */
const PUBLIC: Addresses = {
  kms: new URL("https://kms.yandex"),
  iam: new URL("https://iam.api.cloud.yandex.net"),
};
/** Where accounts are asked for, whatever the address: part of what the account signs. */
const TOKEN_AUDIENCE = "https://iam.api.cloud.yandex.net/iam/v1/tokens";
/** Of every machine of the cloud. */
export const METADATA = new URL("http://169.254.169.254");
const METADATA_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token";

/** `host:port` means HTTPS. */
export function readYandexEndpoint(setting: string, text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(`https://${text.replace(/^https:\/\//, "")}`);
  if (url !== null && url.pathname === "/" && url.username === "") return url;
  throw new ConfigError(`${setting}: ${text} is not like api.cloud.yandex.net:443`);
}

/** Yandex Cloud's KMS by its REST interface: symmetric keys, without a context. */
export function openYandexKms(
  settings: YandexKmsSettings,
  options: Omit<AskOptions, "name">,
): KeyService {
  const name = `Yandex KMS key ${settings.keyId}`;
  const asking = { ...options, name };
  let addresses: Promise<Addresses> | undefined;
  const findAddresses = () => {
    addresses ??= discover(settings.endpoint, asking).catch((error: unknown) => {
      addresses = undefined;
      throw error;
    });
    return addresses;
  };
  const tokens = tokenSource(settings, asking, findAddresses);
  const call = async (action: "encrypt" | "decrypt", content: Readonly<Record<string, string>>) => {
    const { kms } = await findAddresses();
    let token = "";
    // A token may have been revoked: one refusal is answered with a new one.
    let isRenewed = false;
    const makeRequest = async () => {
      token = await tokens.get(options.signal);
      return {
        method: "POST",
        url: new URL(`/kms/v1/keys/${encodeURIComponent(settings.keyId)}:${action}`, kms),
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify(content),
      };
    };
    return await ask(asking, makeRequest, (answer) => {
      const problem = explain(name, answer, action);
      const isFirst = answer.status === 401 && !isRenewed;
      if (!isFirst) return problem;
      tokens.forget(token);
      isRenewed = true;
      return new KeyServiceError(name, { detail: problem.message, isTransient: true });
    });
  };
  return {
    name,
    async encrypt(plain) {
      const answer = await call("encrypt", { plaintext: toBase64(plain) });
      return bytesField(name, answer, "ciphertext");
    },
    async decrypt(encrypted) {
      const answer = await call("decrypt", { ciphertext: toBase64(encrypted) });
      return bytesField(name, answer, "plaintext");
    },
  };
}

async function discover(endpoint: URL | undefined, options: AskOptions): Promise<Addresses> {
  if (endpoint === undefined) return PUBLIC;
  const url = new URL("/endpoints", endpoint);
  const request = async () => ({ method: "GET", url, headers: {}, body: undefined });
  const { endpoints } = await ask(options, request, (answer) => explain(options.name, answer));
  const found = new Map<unknown, unknown>();
  for (const each of Array.isArray(endpoints) ? endpoints : []) {
    const { id, address } = each as { readonly id?: unknown; readonly address?: unknown };
    found.set(id, address);
  }
  const addressOf = (id: string): URL => {
    const address = found.get(id);
    const service = typeof address === "string" ? URL.parse(`https://${address}`) : null;
    if (service !== null) return service;
    throw new KeyServiceError(options.name, {
      detail: `${endpoint.host} tells no address of ${id}`,
    });
  };
  return { kms: addressOf("kms-crypto"), iam: addressOf("iam") };
}

function tokenSource(
  settings: YandexKmsSettings,
  options: AskOptions,
  findAddresses: () => Promise<Addresses>,
): TokenSource {
  const { clock, name } = options;
  const { account, metadata } = settings;
  const timing = { clock, timeoutMs: ANSWER_TIMEOUT_MS };
  if (account === undefined) {
    return cachedTokens(async () => {
      const url = new URL(METADATA_TOKEN, metadata);
      const headers = { "metadata-flavor": "Google" };
      const request = async () => ({ method: "GET", url, headers, body: undefined });
      const fields = await ask(options, request, (answer) => explain(name, answer));
      const { expires_in: lifeS } = fields;
      const lifeMs = typeof lifeS === "number" ? lifeS * 1000 : 0;
      const expiresAt = new Date(clock.now().getTime() + lifeMs);
      return { value: textField(name, fields, "access_token"), expiresAt };
    }, timing);
  }
  return cachedTokens(async () => {
    const { iam } = await findAddresses();
    const request = async () => ({
      method: "POST",
      url: new URL("/iam/v1/tokens", iam),
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        jwt: await signedAccount(account, { audience: TOKEN_AUDIENCE, now: clock.now() }),
      }),
    });
    const fields = await ask(options, request, (answer) => explain(name, answer));
    const expiresAt = new Date(textField(name, fields, "expiresAt"));
    return { value: textField(name, fields, "iamToken"), expiresAt };
  }, timing);
}

/** Codes of gRPC, which the REST interface gives too. */
const INVALID_ARGUMENT = 3;
const HINTS = {
  denied:
    "Let the service account use the key (kms.keys.encrypterDecrypter), and check its key file.",
  other: "Check the id of the KMS key, and whether it is active.",
};

function explain(name: string, { status, fields }: Answer, action?: "encrypt" | "decrypt"): Error {
  const { code, message } = fields;
  const detail = typeof message === "string" ? message : `status ${status}`;
  if (action === "decrypt" && code === INVALID_ARGUMENT) return new RefusedByKeyService(detail);
  const isDenied = isDeniedStatus(status);
  const isTransient = isPassingStatus(status);
  return refusal(name, { detail, isDenied, isTransient, hints: HINTS });
}
