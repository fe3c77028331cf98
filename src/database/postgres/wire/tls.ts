import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { ConfigError, messageOf } from "../../../base/errors.ts";
import { encodeSslRequest } from "./message-codec.ts";
import { DatabaseError } from "./server-error.ts";
import { type Endpoint, endpointName, Transport } from "./transport.ts";

/** libpq's modes, with libpq's meaning. */
export type TlsMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface TlsSettings {
  readonly mode: TlsMode;
  /** PEM files; undefined where there is none. */
  readonly certificatePath: string | undefined;
  readonly keyPath: string | undefined;
  /** `system`: the certificate authorities of the machine. */
  readonly rootCertificatePath: string | undefined;
}

/** An encrypted connection and what SCRAM's channel binding needs of it. */
export interface TlsTransport {
  readonly transport: Transport;
  /** The server's certificate in DER. */
  readonly serverCertificate: Uint8Array | undefined;
}

const ACCEPTED = 0x53; // S
const REFUSED = 0x4e; // N

/** Asks for TLS; undefined when the server has none. */
export async function negotiateTls(
  plain: Transport,
  endpoint: Endpoint,
  settings: TlsSettings,
): Promise<TlsTransport | undefined> {
  await plain.write(encodeSslRequest());
  const answer = await plain.read();
  if (answer?.byteLength === 1 && answer[0] === REFUSED) return undefined;
  if (answer?.byteLength !== 1 || answer[0] !== ACCEPTED) {
    plain.destroy();
    throw new DatabaseError(`${endpointName(endpoint)}: not the answer of a PostgreSQL server`, {
      hint: "Check PGHOST and PGPORT.",
    });
  }
  return handshake(plain, endpoint, settings);
}

async function handshake(
  plain: Transport,
  endpoint: Endpoint,
  settings: TlsSettings,
): Promise<TlsTransport> {
  // Loaded late: most connections are Unix sockets, and start-up must stay cheap.
  const { connect, checkServerIdentity } = await import("node:tls");
  const where = endpointName(endpoint);
  const root = settings.rootCertificatePath;
  const isVerified = settings.mode.startsWith("verify-") || root !== undefined;
  const secure = connect({
    socket: plain.detach(),
    // The outcome is judged below, so that the message can name the setting.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
    ...(root === undefined || root === "system" ? {} : { ca: readPem(root, "PGSSLROOTCERT") }),
    ...clientCertificate(settings),
  });
  await new Promise<void>((resolve, reject) => {
    secure.once("secureConnect", resolve);
    secure.once("error", (error) =>
      reject(new DatabaseError(`${where}: TLS failed: ${messageOf(error)}`, { cause: error })),
    );
    secure.once("close", () =>
      reject(new DatabaseError(`${where}: the server closed the connection during TLS`)),
    );
  });
  const fault = isVerified
    ? certificateFault(secure.authorized, secure.authorizationError)
    : undefined;
  const certificate = secure.getPeerCertificate();
  const identity =
    fault === undefined && settings.mode === "verify-full"
      ? checkServerIdentity(endpoint.host, certificate)
      : undefined;
  if (fault !== undefined || identity !== undefined) {
    secure.on("error", () => {});
    secure.destroy();
    throw new DatabaseError(
      `${where}: the server's certificate is not accepted: ${fault ?? identity?.message}`,
      { hint: "Check PGSSLROOTCERT and PGSSLMODE, and the server's ssl_cert_file." },
    );
  }
  return {
    transport: new Transport(secure),
    serverCertificate: certificate.raw === undefined ? undefined : new Uint8Array(certificate.raw),
  };
}

function certificateFault(isAuthorized: boolean, reason: unknown): string | undefined {
  if (isAuthorized) return undefined;
  return reason instanceof Error ? reason.message : String(reason ?? "it cannot be verified");
}

function clientCertificate(settings: TlsSettings): { cert?: Uint8Array; key?: Uint8Array } {
  const { certificatePath, keyPath } = settings;
  if (certificatePath === undefined || keyPath === undefined) return {};
  return { cert: readPem(certificatePath, "PGSSLCERT"), key: readPem(keyPath, "PGSSLKEY") };
}

function readPem(path: string, key: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new ConfigError(`${key}: cannot read ${path}: ${messageOf(error)}`);
  }
}
