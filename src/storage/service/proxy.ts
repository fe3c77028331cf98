/** Which proxy a request goes through, by the rules of Go's clients and curl. */
export interface ProxySettings {
  readonly https: string | undefined;
  readonly http: string | undefined;
  /** Comma-separated hosts, `.suffixes`, `host:port`, IPv4 networks, or `*`. */
  readonly none: string | undefined;
}

/** undefined: straight to the service. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === "https:" ? settings.https : settings.http;
  if (proxy === undefined || isLocal(url.hostname)) return undefined;
  const rules = (settings.none ?? "").split(",").map((rule) => rule.trim().toLowerCase());
  if (rules.some((rule) => rule !== "" && matches(rule, url))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** This machine, and the metadata service of the one that it runs on. */
function isLocal(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^(?:127|169\.254)\.[\d.]+$/.test(host);
}

function matches(rule: string, url: URL): boolean {
  if (rule === "*") return true;
  if (rule.includes("/")) return isInNetwork(url.hostname, rule);
  const portAt = /:(\d+)$/.exec(rule);
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  if (portAt !== null && portAt[1] !== port) return false;
  const host = (portAt === null ? rule : rule.slice(0, portAt.index)).replace(/^\*/, "");
  const suffix = host.startsWith(".") ? host : `.${host}`;
  return url.hostname === host || url.hostname.endsWith(suffix);
}

function isInNetwork(host: string, network: string): boolean {
  const [base, lengthText] = network.split("/");
  const address = ipv4(host);
  const start = ipv4(base ?? "");
  const length = Number(lengthText);
  if (address === undefined || start === undefined || !(length >= 0 && length <= 32)) return false;
  const blockSize = 2 ** (32 - length);
  return Math.floor(address / blockSize) === Math.floor(start / blockSize);
}

function ipv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match?.slice(1).reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
