import { readFileSync } from "node:fs";
import type { ConnectConfig } from "ssh2";
import SftpClient from "ssh2-sftp-client";
import type { Clock } from "../../base/clock.ts";
import { ConfigError, errnoOf, messageOf } from "../../base/errors.ts";
import { SftpConnection } from "./connection.ts";
import { HostKeyError, SftpConnectionError, SftpLoginError } from "./errors.ts";
import { GatheringSocket } from "./gathering-socket.ts";
import { fingerprintOf, KnownHosts, keyTypeOf } from "./known-hosts.ts";
import type { SftpSettings } from "./settings.ts";

export interface LoginOptions {
  readonly clock: Clock;
  readonly idleTimeoutMs: number;
}

/** Keeps the way through firewalls open; what is dead shows at the next request. */
const KEEPALIVE_INTERVAL_MS = 15_000;
const KEEPALIVES_MAX = 1_000_000;
const LOGIN_TIMEOUT_MS = 20_000;
/** What the client below us can check, in the order of its own preference. */
const HOST_KEY_ALGORITHMS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;

/** Opens one connection: the server's key is checked before anything secret is sent. */
export async function login(
  settings: SftpSettings,
  options: LoginOptions & { readonly signal: AbortSignal },
): Promise<SftpConnection> {
  const { signal } = options;
  signal.throwIfAborted();
  const knownHosts = readKnownHosts(settings);
  let refusal: HostKeyError | undefined;
  let failure: unknown;
  const ignore = () => {};
  const client = new SftpClient("tidemark", { error: ignore, end: ignore, close: ignore });
  // The library's own error has lost what kind of failure it was.
  client.client.on("error", (error) => {
    failure ??= error;
  });
  client.client.on("keyboard-interactive", (_name, _instructions, _language, prompts, finish) => {
    // Only a single question that is not echoed is the one for the password.
    const isPassword = prompts.length === 1 && prompts[0]?.echo !== true;
    finish(isPassword ? [settings.password ?? ""] : []);
  });
  const socket = new GatheringSocket();
  socket.on("error", ignore);
  const stop = () => {
    client.client.destroy();
    // The library knows it only once it has accepted its configuration.
    socket.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  const loggedIn = new AbortController();
  const timeoutMs = Math.min(LOGIN_TIMEOUT_MS, options.idleTimeoutMs);
  options.clock.sleep(timeoutMs, loggedIn.signal).then(
    () => {
      failure ??= new Error(`not logged in after ${Math.round(timeoutMs / 1000)} s`);
      stop();
    },
    () => {},
  );
  try {
    const session = await client.connect({
      ...credentials(settings),
      sock: socket.connect({ host: settings.host, port: settings.port }),
      username: settings.userName,
      // Its own time-out ends before the session is opened; ours covers that too.
      readyTimeout: 0,
      keepaliveInterval: KEEPALIVE_INTERVAL_MS,
      keepaliveCountMax: KEEPALIVES_MAX,
      algorithms: { serverHostKey: algorithmsFor(knownHosts) },
      hostVerifier: (key: Buffer) => {
        refusal = knownHosts === undefined ? undefined : refusalOf(knownHosts, key, settings);
        return refusal === undefined;
      },
    });
    signal.throwIfAborted();
    return new SftpConnection(client, session, options);
  } catch (error) {
    stop();
    signal.throwIfAborted();
    throw refusal ?? loginFailure(failure ?? error);
  } finally {
    loggedIn.abort();
    signal.removeEventListener("abort", stop);
  }
}

function readKnownHosts(settings: SftpSettings): KnownHosts | undefined {
  if (settings.knownHosts === undefined) return undefined;
  return new KnownHosts(settings.knownHosts.map(readIfPresent).join("\n"), settings);
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return "";
    throw new ConfigError(`SSH_KNOWN_HOSTS: ${path}: ${errnoOf(error) ?? "cannot be read"}`);
  }
}

/** A server has keys of several types, and shows the first that we ask for. */
function algorithmsFor(knownHosts: KnownHosts | undefined) {
  const types = knownHosts?.keyTypes() ?? [];
  const isKnown = (name: string) => types.includes(name.startsWith("rsa-sha2-") ? "ssh-rsa" : name);
  const known = HOST_KEY_ALGORITHMS.filter(isKnown);
  return [...known, ...HOST_KEY_ALGORITHMS.filter((name) => !known.includes(name))];
}

function refusalOf(
  knownHosts: KnownHosts,
  key: Uint8Array,
  { host, port, knownHosts: files = [] }: SftpSettings,
): HostKeyError | undefined {
  const verdict = knownHosts.judge(key);
  if (verdict === "known") return undefined;
  const shown = `${keyTypeOf(key)} ${fingerprintOf(key)}`;
  const places = files.join(" or ");
  const scan = `ssh-keyscan -p ${port} ${host}`;
  if (verdict === "unknown") {
    return new HostKeyError(
      `the server's host key is not known: it showed ${shown}`,
      `If that is the server's fingerprint, add its key to ${places} (${scan}), or name a file ` +
        "in TIDEMARK_SSH_KNOWN_HOSTS; TIDEMARK_SSH_HOST_KEY_CHECK=false trusts any server.",
    );
  }
  return new HostKeyError(
    `the server's host key ${verdict === "revoked" ? "is revoked" : "has changed"}: it showed ` +
      shown,
    "Somebody may be in between, or the server was set up anew: ask who runs it, and only then " +
      `replace its key in ${places} (${scan}).`,
  );
}

/** Read at every login: a key may be renewed while a daemon runs. */
function credentials(settings: SftpSettings): ConnectConfig {
  const { password, privateKeyPath, passphrase, agentSocket } = settings;
  return {
    ...(privateKeyPath === undefined ? {} : { privateKey: readKey(privateKeyPath) }),
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(password === undefined ? {} : { password, tryKeyboard: true }),
    ...(agentSocket === undefined ? {} : { agent: agentSocket }),
  };
}

function readKey(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`SSH_PRIVATE_KEY_PATH: ${path}: ${errnoOf(error) ?? "cannot be read"}`);
  }
}

/** The library says by a level where it failed. */
function loginFailure(error: unknown): unknown {
  if (error instanceof ConfigError) return error;
  const level = error instanceof Error && "level" in error ? error.level : undefined;
  const message = messageOf(error);
  if (level === "client-authentication") return new SftpLoginError(message, error);
  if (/private ?key|passphrase/i.test(message)) {
    return new ConfigError(
      `SSH_PRIVATE_KEY_PATH: the key cannot be used: ${message}`,
      "Check the file, and TIDEMARK_SSH_PRIVATE_KEY_PASSPHRASE if the key is encrypted.",
    );
  }
  // Of algorithms in common there will be none next time either.
  const isTransient = !(level === "handshake" && /no matching/i.test(message));
  return new SftpConnectionError(`could not connect: ${message}`, { cause: error, isTransient });
}
