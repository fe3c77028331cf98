import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, errnoOf, messageOf } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import type { TlsMode, TlsSettings } from "./wire/tls.ts";
import { type Endpoint, isUnixSocket } from "./wire/transport.ts";

/** Where and as whom to connect, by libpq's variables and rules. */
export interface ConnectionSettings {
  /** Tried in order until one answers. */
  readonly endpoints: readonly Endpoint[];
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  readonly tls: TlsSettings;
  /** Looked up when a server asks for it; a function, so that nothing prints it by accident. */
  readonly password: (endpoint: Endpoint) => string | undefined;
}

/** What the settings do not say. */
export interface ConnectionDefaults {
  /** Name of the effective user, if it has one. */
  readonly user: string | undefined;
  /** Where `~/.pgpass` and `~/.postgresql` are looked for. */
  readonly homeDir: string | undefined;
  readonly applicationName: string;
}

const DEFAULT_PORT = 5432;
/** Debian's folder of Unix sockets: tried before TCP, as WAL-G does. */
const DEFAULT_SOCKET_DIR = "/var/run/postgresql";
const DEFAULT_HOSTS: readonly string[] = [DEFAULT_SOCKET_DIR, "localhost"];
const CONNECT_TIMEOUT_MS = 60_000;
const TLS_MODES: readonly TlsMode[] = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
];

export function readConnectionSettings(
  settings: SettingReader,
  defaults: ConnectionDefaults,
): ConnectionSettings {
  const user = settings.text("PGUSER") ?? defaults.user;
  if (user === undefined) {
    throw new ConfigError(
      "PGUSER is not set, and the effective user has no name in the passwd file",
      "Set PGUSER to the database user that takes backups, for example PGUSER=postgres.",
    );
  }
  const database = settings.text("PGDATABASE") ?? user;
  const endpoints = readEndpoints(settings.text("PGHOST"), settings.text("PGPORT"));
  const password = settings.text("PGPASSWORD");
  const passwordFile = settings.text("PGPASSFILE") ?? below(defaults.homeDir, ".pgpass");
  return {
    endpoints,
    user,
    database,
    applicationName: settings.text("PGAPPNAME") ?? defaults.applicationName,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    tls: readTlsSettings(settings, defaults.homeDir),
    password: (endpoint) =>
      password ??
      (passwordFile === undefined
        ? undefined
        : passwordFromFile(passwordFile, { endpoint, database, user })),
  };
}

/** Both may be lists, as libpq has them: a port for each host, or one for all. */
function readEndpoints(hostText: string | undefined, portText: string | undefined): Endpoint[] {
  const hosts = hostText === undefined || hostText === "" ? DEFAULT_HOSTS : hostText.split(",");
  const ports = (portText ?? "").split(",").map(readPort);
  const [only = DEFAULT_PORT] = ports;
  const isDefaultHosts = hosts === DEFAULT_HOSTS;
  if (ports.length > 1 && (isDefaultHosts || ports.length !== hosts.length)) {
    throw new ConfigError(
      `PGPORT names ${ports.length} ports, and PGHOST ${isDefaultHosts ? "no" : hosts.length} ` +
        (hosts.length === 1 ? "host" : "hosts"),
      "Give one port for all hosts, or one for each.",
    );
  }
  return hosts.map((host, index) => ({
    host: host.trim() === "" ? DEFAULT_SOCKET_DIR : host.trim(),
    port: ports.length > 1 ? (ports[index] ?? only) : only,
  }));
}

function readPort(text: string): number {
  if (text.trim() === "") return DEFAULT_PORT;
  const port = /^\s*[0-9]{1,5}\s*$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new ConfigError(`PGPORT: not a port: ${JSON.stringify(text)}`, "Example: PGPORT=5432.");
  }
  return port;
}

function readTlsSettings(settings: SettingReader, homeDir: string | undefined): TlsSettings {
  const text = settings.text("PGSSLMODE") ?? "";
  const mode = TLS_MODES.find((known) => known === (text === "" ? "prefer" : text));
  if (mode === undefined) {
    throw new ConfigError(
      `PGSSLMODE: unknown mode ${JSON.stringify(text)}`,
      `Use one of ${TLS_MODES.join(", ")}.`,
    );
  }
  const folder = below(homeDir, ".postgresql");
  const root = settings.text("PGSSLROOTCERT") ?? existing(below(folder, "root.crt"));
  if (root === "system" && mode !== "verify-full") {
    throw new ConfigError(
      `PGSSLROOTCERT=system needs PGSSLMODE=verify-full, not ${mode}`,
      "Anybody can get a certificate of a public authority, so the host name must be checked.",
    );
  }
  if (root === undefined && mode.startsWith("verify-")) {
    throw new ConfigError(
      `PGSSLMODE=${mode} needs a root certificate, and there is none`,
      "Set PGSSLROOTCERT to a file of certificate authorities, or to `system`.",
    );
  }
  const certificate = settings.text("PGSSLCERT") ?? existing(below(folder, "postgresql.crt"));
  const key = settings.text("PGSSLKEY") ?? existing(below(folder, "postgresql.key"));
  if (certificate !== undefined && key === undefined) {
    throw new ConfigError(
      `PGSSLCERT is ${certificate}, and there is no key for it`,
      "Set PGSSLKEY.",
    );
  }
  return { mode, certificatePath: certificate, keyPath: key, rootCertificatePath: root };
}

function below(dir: string | undefined, name: string): string | undefined {
  return dir === undefined ? undefined : join(dir, name);
}

function existing(path: string | undefined): string | undefined {
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** Whom a password of the password file is for. */
interface PasswordOwner {
  readonly endpoint: Endpoint;
  readonly database: string;
  readonly user: string;
}

/** The password of the first line that matches; undefined when the file is not there. */
function passwordFromFile(path: string, owner: PasswordOwner): string | undefined {
  let text: string;
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return undefined;
    if ((facts.mode & 0o077) !== 0) {
      throw new ConfigError(
        `password file ${path}: group or others have access to it`,
        `Run \`chmod 600 ${path}\`.`,
      );
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`password file ${path}: ${messageOf(error)}`);
  }
  return findPassword(text, owner);
}

/**
 * Looks a password up in the text of a password file: lines of
 * `host:port:database:user:password`, where `*` matches all and `\` hides `:` and `\`.
 */
export function findPassword(text: string, owner: PasswordOwner): string | undefined {
  const { endpoint, database, user } = owner;
  // libpq looks the default socket up as localhost, any other socket by its folder.
  const isDefaultSocket = isUnixSocket(endpoint) && endpoint.host === DEFAULT_SOCKET_DIR;
  const wanted = [
    isDefaultSocket ? "localhost" : endpoint.host,
    `${endpoint.port}`,
    database,
    user,
  ];
  for (const line of text.split(/\r?\n/)) {
    if (line === "" || line.startsWith("#")) continue;
    const fields = splitPasswordLine(line);
    const [password] = fields.slice(4);
    const isMatch = wanted.every((value, index) => {
      const field = fields[index];
      return field === "*" || field === value;
    });
    if (isMatch && password !== undefined) return password;
  }
  return undefined;
}

/** The four fields, and all that follows as the fifth. */
function splitPasswordLine(line: string): string[] {
  const fields: string[] = [""];
  const add = (text: string) => {
    fields[fields.length - 1] += text;
  };
  for (let index = 0; index < line.length; index += 1) {
    const char = line[index] ?? "";
    if (char === "\\" && index + 1 < line.length) {
      index += 1;
      add(line[index] ?? "");
    } else if (char === ":") {
      // libpq ends the password at an unescaped colon too.
      if (fields.length === 5) break;
      fields.push("");
    } else add(char);
  }
  return fields;
}
