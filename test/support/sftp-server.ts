import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { asServer, serverAccount } from "./run-as.ts";
import { giveTreeToServers, makeScratch } from "./scratch.ts";

export interface SftpServerOptions {
  /** Lines added to its configuration. */
  readonly lines?: readonly string[];
  /** Private keys that it shows besides its own. */
  readonly hostKeys?: readonly Uint8Array[];
  /** Its repository is a file system of its own of this size, which only it sees; needs root. */
  readonly sizeMiB?: number;
}

/** A running sshd of the servers' account, with a folder for the repository. */
export interface SftpServer extends AsyncDisposable {
  readonly port: number;
  readonly userName: string;
  /** An existing, empty directory. */
  readonly root: string;
  /** Private keys that it lets in; the RSA one is encrypted with `passphrase`. */
  readonly keyFile: string;
  readonly encryptedKeyFile: string;
  readonly passphrase: string;
  /** Its ed25519 host key, as a client that knows it has it. */
  readonly knownHostsFile: string;
  /** `ssh-keygen -l` of its host key. */
  readonly fingerprint: string;
  /** The listener and every session, as processes. */
  pids(): readonly number[];
  /** Kills listener and sessions at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and folder. */
  restart(): Promise<void>;
  /** Whether its keys let anybody in, from the next login on. */
  trust(isTrusted: boolean): void;
}

const SSHD = "/usr/sbin/sshd";
const READY_TIMEOUT_MS = 10_000;
const PASSPHRASE = "open sesame";

/** Starts an sshd of its own on a free port of the loopback, with keys made for it. */
export async function startSftpServer(options: SftpServerOptions = {}): Promise<SftpServer> {
  const scratch = makeScratch("sftp");
  const dir = mkdtempSync(join(scratch.path, "keys-"));
  const root = join(scratch.path, "repo");
  mkdirSync(root);
  const port = await freePort();
  const userName = serverAccount()?.name ?? userInfo().username;
  makeKey(join(dir, "host"), "ed25519", "");
  makeKey(join(dir, "user"), "ed25519", "");
  makeKey(join(dir, "encrypted"), "rsa", PASSPHRASE);
  const publicKey = (name: string) => readFileSync(join(dir, `${name}.pub`), "utf8");
  const trust = (isTrusted: boolean) => {
    const keys = isTrusted ? publicKey("user") + publicKey("encrypted") : "";
    writeFileSync(join(dir, "authorized_keys"), keys);
  };
  trust(true);
  const hostKey = publicKey("host").split(" ").slice(0, 2).join(" ");
  writeFileSync(join(dir, "known_hosts"), `[127.0.0.1]:${port} ${hostKey}\n`);
  const furtherKeys = (options.hostKeys ?? []).map((key, index) => {
    const path = join(dir, `host-${index}`);
    writeFileSync(path, key, { mode: 0o600 });
    return `HostKey ${path}`;
  });
  const lines = [...furtherKeys, ...(options.lines ?? [])];
  writeFileSync(join(dir, "config"), configuration(dir, port, lines));
  giveTreeToServers(scratch.path);
  const start = () => startListener(dir, port, mounting(root, options.sizeMiB));
  let listener = await start();
  const kill = async () => {
    const victims = sessionsOf(listener.pid);
    for (const pid of [listener.pid, ...victims]) killProcess(pid);
    await listener.exited;
  };
  return {
    port,
    userName,
    root,
    keyFile: join(dir, "user"),
    encryptedKeyFile: join(dir, "encrypted"),
    passphrase: PASSPHRASE,
    knownHostsFile: join(dir, "known_hosts"),
    fingerprint: keygen(["-l", "-f", join(dir, "host.pub")]).split(" ")[1] ?? "",
    pids: () => [listener.pid, ...sessionsOf(listener.pid)],
    kill,
    async restart() {
      listener = await start();
    },
    trust,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
      scratch[Symbol.dispose]();
    },
  };
}

/** Settings of a client of it. */
export function sftpSettings(server: SftpServer, port = server.port) {
  return {
    SSH_PREFIX: `ssh://${server.userName}@127.0.0.1:${port}${server.root}`,
    SSH_PRIVATE_KEY_PATH: server.keyFile,
    SSH_KNOWN_HOSTS: server.knownHostsFile,
  };
}

/** PAM lets accounts without a password in, which sshd by itself counts as locked. */
function configuration(dir: string, port: number, lines: readonly string[]): string {
  return [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${join(dir, "host")}`,
    "PidFile none",
    `AuthorizedKeysFile ${join(dir, "authorized_keys")}`,
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "UsePAM yes",
    "PrintMotd no",
    "AllowTcpForwarding no",
    "X11Forwarding no",
    "MaxStartups 100",
    "Subsystem sftp internal-sftp",
    ...lines,
    "",
  ].join("\n");
}

/** The words that give a command a small file system in place of a folder. */
function mounting(root: string, sizeMiB: number | undefined): readonly string[] {
  if (sizeMiB === undefined) return [];
  const account = serverAccount();
  const owner = account === undefined ? "" : `,uid=${account.uid},gid=${account.gid}`;
  const mount = `mount -t tmpfs -o size=${sizeMiB}m${owner} tidemark-test ${root}`;
  return ["unshare", "--mount", "sh", "-c", `${mount} && exec "$@"`, "sh"];
}

async function startListener(
  dir: string,
  port: number,
  before: readonly string[],
): Promise<Bun.Subprocess> {
  const log = join(dir, "log");
  const sshd = asServer([SSHD, "-D", "-e", "-f", join(dir, "config")]);
  const child = Bun.spawn([...before, ...sshd], {
    cwd: "/",
    stdin: "ignore",
    stdout: "ignore",
    stderr: Bun.file(log),
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`sshd did not start: ${readFileSync(log, "utf8").slice(-2000)}`);
    }
    await Bun.sleep(20);
  }
  return child;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

/** Children of the listener and theirs: sshd forks for every connection, and again for its user. */
function sessionsOf(pid: number): number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  } catch {
    return [];
  }
  return children
    .split(" ")
    .filter((word) => /^\d+$/.test(word))
    .flatMap((word) => [Number(word), ...sessionsOf(Number(word))]);
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function makeKey(path: string, type: string, passphrase: string): void {
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  keygen(["-q", "-t", type, ...bits, "-N", passphrase, "-C", "tidemark-test", "-f", path]);
}

function keygen(args: readonly string[]): string {
  const result = Bun.spawnSync(["ssh-keygen", ...args]);
  if (result.exitCode !== 0) throw new Error(`ssh-keygen: ${result.stderr.toString()}`);
  return result.stdout.toString();
}
