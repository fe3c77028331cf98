import { ConfigError } from "../../base/errors.ts";
import { ConnectionError } from "../service/errors.ts";
import { readText, type Transport } from "../service/transport.ts";

/**
 * `S3_ENDPOINT_SOURCE`: a URL whose body names the host to connect to, such as a balancer's choice
 * of the moment. Requests keep the endpoint's own name; one process asks once.
 */
export function createEndpointSource(
  source: { readonly url: string; readonly port: number; readonly scheme: string },
  transport: Transport,
): (signal: AbortSignal) => Promise<URL> {
  const url = URL.parse(source.url);
  if (url === null) throw new ConfigError(`S3_ENDPOINT_SOURCE: ${source.url} is not a URL`);
  let known: URL | undefined;
  return async (signal) => {
    if (known !== undefined) return known;
    const response = await transport({ method: "GET", url, headers: {}, body: undefined, signal });
    const host = (await readText(response, 4096)).trim();
    const target = URL.parse(`${source.scheme}://${host}:${source.port}`);
    if (response.status !== 200 || host === "" || target === null) {
      throw new ConnectionError("the endpoint source names no host");
    }
    known = target;
    return target;
  };
}
