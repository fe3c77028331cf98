import { readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import { ConfigError, errnoOf } from "../../base/errors.ts";
import { AccessDeniedError } from "../errors.ts";
import { ConnectionError } from "../service/errors.ts";
import { cachedTokens, type Token, type TokenSource } from "../service/token-source.ts";
import { type HttpRequest, readText, type Transport } from "../service/transport.ts";

/** Who this process is to Azure, by the names that Azure's own clients read. */
export interface IdentitySettings {
  readonly authority: string;
  readonly tenantId: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly federatedTokenFile: string | undefined;
  readonly appEndpoint: string | undefined;
  readonly appHeader: string | undefined;
  readonly metadataHost: string | undefined;
}

const RESOURCE = "https://storage.azure.com/";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const METADATA_HOST = "http://169.254.169.254";

interface IdentityOptions {
  readonly storage: string;
  readonly identity: IdentitySettings;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Tokens of a registered application, of a workload (a token file that the cluster writes), of an
 * application's or of a machine's managed identity, whichever is described, in this order.
 */
export function azureTokens(options: IdentityOptions): TokenSource {
  return cachedTokens(async (signal) => {
    const request = tokenRequest(options.identity, signal);
    const response = await options.transport(request);
    const body = await readText(response);
    if (response.status >= 500 || response.status === 429 || response.status === 408) {
      throw new ConnectionError(`no credentials: status ${response.status}`);
    }
    if (response.status >= 300) {
      const detail = `credentials: ${refusalOf(body) ?? `status ${response.status}`}`;
      throw new AccessDeniedError({ storage: options.storage, detail });
    }
    return parseToken(body, options.clock.now());
  }, options);
}

function tokenRequest(identity: IdentitySettings, signal: AbortSignal): HttpRequest {
  const { tenantId, clientId, clientSecret, federatedTokenFile, appEndpoint } = identity;
  if (tenantId !== undefined && clientId !== undefined) {
    const application = { authority: identity.authority, tenantId, clientId };
    if (clientSecret !== undefined) {
      return applicationRequest(application, { client_secret: clientSecret }, signal);
    }
    if (federatedTokenFile !== undefined) {
      const proof = {
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: readTokenFile(federatedTokenFile),
      };
      return applicationRequest(application, proof, signal);
    }
  }
  const named: Record<string, string> = clientId === undefined ? {} : { client_id: clientId };
  if (appEndpoint !== undefined) {
    const url = withQuery(appEndpoint, {
      "api-version": "2019-08-01",
      resource: RESOURCE,
      ...named,
    });
    const headers = { "x-identity-header": identity.appHeader ?? "" };
    return { method: "GET", url, headers, body: undefined, signal };
  }
  const place = `${identity.metadataHost ?? METADATA_HOST}/metadata/identity/oauth2/token`;
  const url = withQuery(place, { "api-version": "2018-02-01", resource: RESOURCE, ...named });
  return { method: "GET", url, headers: { metadata: "true" }, body: undefined, signal };
}

function applicationRequest(
  application: { readonly authority: string; readonly tenantId: string; readonly clientId: string },
  proof: Readonly<Record<string, string>>,
  signal: AbortSignal,
): HttpRequest {
  const { authority, tenantId, clientId } = application;
  const path = `${authority.replace(/\/+$/, "")}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
  const form = {
    client_id: clientId,
    grant_type: "client_credentials",
    scope: `${RESOURCE}.default`,
    ...proof,
  };
  return {
    method: "POST",
    url: withQuery(path, {}),
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
    signal,
  };
}

function withQuery(text: string, query: Readonly<Record<string, string>>): URL {
  const url = URL.parse(text);
  if (url === null) throw new ConfigError(`${text}: is no address of an identity service`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

/** Read each time: the cluster replaces it. */
function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    const reason = errnoOf(error) ?? "cannot be read";
    throw new ConfigError(`AZURE_FEDERATED_TOKEN_FILE: ${path}: ${reason}`);
  }
}

function parseToken(body: string, now: Date): Token {
  const fields = fieldsOf(body);
  const value = fields["access_token"];
  if (typeof value !== "string" || value === "") {
    throw new ConnectionError("the identity service's answer holds no token");
  }
  const lifeS = Number(fields["expires_in"]);
  const endS = Number(fields["expires_on"]);
  const endMs = Number.isFinite(lifeS) ? now.getTime() + lifeS * 1000 : endS * 1000;
  return { value, expiresAt: Number.isFinite(endMs) ? new Date(endMs) : undefined };
}

/** What the identity service says, which holds no secret. */
function refusalOf(body: string): string | undefined {
  const { error, error_description: text } = fieldsOf(body);
  const line = typeof text === "string" ? text.split(/[\r\n]/)[0] : undefined;
  return line ?? (typeof error === "string" ? error : undefined);
}

function fieldsOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const document: unknown = JSON.parse(body);
    const isMap = typeof document === "object" && document !== null;
    return isMap ? (document as Readonly<Record<string, unknown>>) : {};
  } catch {
    // A page of something on the way: what it lacks is found missing.
    return {};
  }
}
