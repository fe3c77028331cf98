import { UsageError } from "../base/errors.ts";

export interface NetworkPlace {
  readonly host: string | undefined;
  readonly port: number;
}

/** `host:port`, `[::1]:port`, or a port alone. */
export function parsePlace(text: string): NetworkPlace {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? -1);
  if (match !== null && port <= 65_535) return { host: match[1] ?? match[2], port };
  throw new UsageError(
    `${JSON.stringify(text)} is no port, and no host with one`,
    "Give the port alone to listen on every address, or host:port.",
  );
}
