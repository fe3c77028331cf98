import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";

/** Who calls, as the machine's list of accounts knows them. */
export interface Account {
  readonly userName: string;
  readonly home: string;
}

export interface SftpSettings {
  readonly host: string;
  readonly port: number;
  readonly userName: string;
  /** `ssh://user@host:2222/path`, without what is usual: never a secret. */
  readonly name: string;
  /** Absolute path of a directory that exists; empty for the server's root. */
  readonly base: string;
  /** Below it; may not exist yet. */
  readonly below: string;
  readonly password: string | undefined;
  readonly privateKeyPath: string | undefined;
  readonly passphrase: string | undefined;
  readonly agentSocket: string | undefined;
  /** undefined: host keys are not checked. Files that do not exist count as empty. */
  readonly knownHosts: readonly string[] | undefined;
  readonly connectionsMax: number;
  readonly attemptsMax: number;
}

const DEFAULT_PORT = 22;
const SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts";
const URL_FORM =
  /^(?:ssh|sftp):\/\/(?:([^@/]+)@)?(\[[0-9a-fA-F:.]+\]|[^@:/[\]]+)(?::(\d+))?(\/.*)?$/;

export function readSftpSettings(
  settings: SettingReader,
  options: { readonly storagePrefix: string; readonly account: Account | undefined },
): SftpSettings {
  const place = readPlace(settings.text("SSH_PREFIX") ?? "");
  const port = place.port ?? settings.whole("SSH_PORT") ?? DEFAULT_PORT;
  if (port < 1 || port > 65_535) throw new ConfigError(`SSH_PORT: ${port} is no port`);
  const userName = place.userName ?? settings.text("SSH_USERNAME") ?? options.account?.userName;
  if (userName === undefined) {
    throw new ConfigError("SSH_USERNAME: is not set", "Name the user to log in as on the server.");
  }
  const password = settings.text("SSH_PASSWORD");
  const privateKeyPath = settings.text("SSH_PRIVATE_KEY_PATH");
  const agentSocket = settings.text("SSH_AUTH_SOCK");
  if (password === undefined && privateKeyPath === undefined && agentSocket === undefined) {
    throw new ConfigError(
      "SSH_PREFIX: there is nothing to log in with",
      "Set SSH_PRIVATE_KEY_PATH or SSH_PASSWORD, or run with an agent (SSH_AUTH_SOCK).",
    );
  }
  const { storagePrefix } = options;
  const root = storagePrefix === "" ? place.path : `${place.path}/${storagePrefix}`;
  const user = userName === options.account?.userName ? "" : `${userName}@`;
  return {
    host: place.host.replace(/^\[|\]$/g, ""),
    port,
    userName,
    name: `ssh://${user}${place.host}${port === DEFAULT_PORT ? "" : `:${port}`}${root}`,
    base: place.path,
    below: storagePrefix,
    password,
    privateKeyPath,
    passphrase: settings.text("SSH_PRIVATE_KEY_PASSPHRASE") ?? password,
    agentSocket,
    knownHosts: readKnownHosts(settings, options.account),
    connectionsMax: Math.max(1, settings.whole("SSH_CONNECTIONS_MAX") ?? 4),
    attemptsMax: 1 + (settings.whole("SSH_MAX_RETRIES") ?? 15),
  };
}

/** `ssh://host/path`, as WAL-G takes it, and with a user and a port. */
function readPlace(text: string) {
  const match = URL_FORM.exec(text);
  const [, user, host, port, path = ""] = match ?? [];
  // The text may hold a password: it is not repeated.
  if (host === undefined) {
    throw new ConfigError("SSH_PREFIX: is not like ssh://user@host:22/path");
  }
  if (user?.includes(":") === true) {
    throw new ConfigError("SSH_PREFIX: holds a password", "Set SSH_PASSWORD instead.");
  }
  return {
    host,
    userName: user === undefined ? undefined : decoded(user),
    port: port === undefined ? undefined : Number(port),
    path: readPath(decoded(path)),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(`SSH_PREFIX: ${text} is not percent-encoded as in a URL`);
  }
}

function readPath(text: string): string {
  const path = text.replace(/\/+/g, "/").replace(/\/$/, "");
  if (path.includes("\0") || path.split("/").some((name) => name === "." || name === "..")) {
    throw new ConfigError(`SSH_PREFIX: ${text} is not a plain absolute path`);
  }
  return path;
}

function readKnownHosts(
  settings: SettingReader,
  account: Account | undefined,
): readonly string[] | undefined {
  const isOff =
    settings.text("SSH_HOST_KEY_CHECK") !== undefined && !settings.flag("SSH_HOST_KEY_CHECK");
  if (isOff) return undefined;
  const named = settings.text("SSH_KNOWN_HOSTS");
  if (named !== undefined) return [named];
  const own = account === undefined ? [] : [`${account.home}/.ssh/known_hosts`];
  return [...own, SYSTEM_KNOWN_HOSTS];
}
