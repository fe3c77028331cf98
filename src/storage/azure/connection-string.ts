import { ConfigError } from "../../base/errors.ts";
import { readEndpointUrl } from "../service/settings.ts";

/** The parts of `AZURE_STORAGE_CONNECTION_STRING` that concern blobs. */
export interface ConnectionParts {
  readonly account?: string | undefined;
  readonly key?: string | undefined;
  readonly sas?: string | undefined;
  readonly endpoint?: URL | undefined;
  readonly suffix?: string | undefined;
  readonly protocol?: "http" | "https" | undefined;
}

const SETTING = "AZURE_STORAGE_CONNECTION_STRING";

/** `AccountName=…;AccountKey=…;EndpointSuffix=…`, as the portal shows it. */
export function parseConnectionString(text: string): ConnectionParts {
  const parts = new Map<string, string>();
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    // The text holds secrets: an error says where it is wrong only by a name.
    if (at < 1) throw new ConfigError(`${SETTING}: is not like AccountName=…;AccountKey=…`);
    parts.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
  }
  const endpoint = parts.get("blobendpoint");
  const protocol = parts.get("defaultendpointsprotocol");
  if (protocol !== undefined && protocol !== "http" && protocol !== "https") {
    throw new ConfigError(`${SETTING}: DefaultEndpointsProtocol is neither http nor https`);
  }
  const url = endpoint === undefined ? undefined : readEndpointUrl(SETTING, endpoint);
  return {
    account: parts.get("accountname") ?? (url === undefined ? undefined : accountOf(url)),
    key: parts.get("accountkey"),
    sas: parts.get("sharedaccesssignature"),
    endpoint: url,
    suffix: parts.get("endpointsuffix"),
    protocol,
  };
}

/** `https://account.blob.core.windows.net` */
function accountOf(url: URL): string | undefined {
  return /^([a-z0-9]+)\.blob\./.exec(url.hostname)?.[1];
}
