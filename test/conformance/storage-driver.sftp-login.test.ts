// Proves how SFTP storage logs in to a real SSH server: by key, encrypted key and agent; by
// password to a server made with the library; and that no server is trusted unproven.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { ConfigError } from "../../src/base/errors.ts";
import { AccessDeniedError, StorageError } from "../../src/storage/errors.ts";
import { SftpDriver } from "../../src/storage/sftp/driver.ts";
import { readSftpSettings } from "../../src/storage/sftp/settings.ts";
import { freePort } from "../support/free-port.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import { type SftpServer, sftpSettings, startSftpServer } from "../support/sftp-server.ts";
import { NEVER } from "./storage-driver.calls.ts";

let server: SftpServer;
const dir = mkdtempSync(join(tmpdir(), "tidemark-sftp-login-"));
beforeAll(async () => {
  server = await startSftpServer();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

type Settings = Readonly<Record<string, string | undefined>>;

/** One look at the storage with these settings. */
async function look(settings: Settings, change: Settings = {}): Promise<number> {
  const given = Object.entries({ ...settings, ...change });
  const values = Object.fromEntries(given.flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])));
  const options = { storagePrefix: "", account: { userName: "nobody-at-all", home: dir } };
  const driver = new SftpDriver(readSftpSettings(mapSettings(values), options), {
    budget: new ByteBudget(2 ** 24),
    clock: SYSTEM_CLOCK,
    policy: quickPolicy(1),
    idleTimeoutMs: 5000,
  });
  try {
    return (await driver.listFolder("", NEVER)).objects.length;
  } finally {
    await driver.close();
  }
}

async function refused(settings: Settings, change: Settings = {}): Promise<Error> {
  const outcome = await look(settings, change).catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error("the login was not refused");
}

test("a key lets in, also one with a passphrase", async () => {
  const usual = sftpSettings(server);
  expect(await look(usual)).toBe(0);
  const encrypted = { SSH_PRIVATE_KEY_PATH: server.encryptedKeyFile };
  const { passphrase } = server;
  expect(await look(usual, { ...encrypted, SSH_PRIVATE_KEY_PASSPHRASE: passphrase })).toBe(0);
  expect(await look(usual, { ...encrypted, SSH_PASSWORD: passphrase })).toBe(0);
  for (const wrong of [undefined, "wrong secret"]) {
    const error = await refused(usual, { ...encrypted, SSH_PRIVATE_KEY_PASSPHRASE: wrong });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("SSH_PRIVATE_KEY_PATH");
    expect(error.message).not.toContain("wrong secret");
  }
});

test("an agent lets in", async () => {
  const socket = join(dir, "agent");
  const agent = Bun.spawn(["ssh-agent", "-D", "-a", socket], { stdout: "ignore" });
  try {
    for (
      let round = 0;
      round < 100 &&
      !(await Bun.file(socket)
        .stat()
        .catch(() => false));
    ) {
      round += 1;
      await Bun.sleep(20);
    }
    const key = join(dir, "agent-key");
    writeFileSync(key, readFileSync(server.keyFile), { mode: 0o600 });
    const added = Bun.spawnSync(["ssh-add", "-q", key], { env: { SSH_AUTH_SOCK: socket } });
    expect(added.stderr.toString()).toBe("");
    const byAgent = { SSH_PRIVATE_KEY_PATH: undefined, SSH_AUTH_SOCK: socket };
    expect(await look(sftpSettings(server), byAgent)).toBe(0);
  } finally {
    agent.kill();
    await agent.exited;
  }
});

test("a key that the server does not know, and one that is not there, are told apart", async () => {
  const strange = join(dir, "strange");
  expect(Bun.spawnSync(["ssh-keygen", "-q", "-N", "", "-f", strange]).exitCode).toBe(0);
  const denied = await refused(sftpSettings(server), { SSH_PRIVATE_KEY_PATH: strange });
  expect(denied).toBeInstanceOf(AccessDeniedError);
  expect(denied).toMatchObject({ isTransient: false, code: "access-denied" });
  const absent = await refused(sftpSettings(server), { SSH_PRIVATE_KEY_PATH: "/absent/key" });
  expect(absent).toBeInstanceOf(ConfigError);
  expect(absent.message).toContain("/absent/key: ENOENT");
});

test("a host key that is not known is refused, with its fingerprint and what to do", async () => {
  const empty = join(dir, "empty");
  writeFileSync(empty, "");
  for (const file of [empty, join(dir, "absent"), undefined]) {
    const error = await refused(sftpSettings(server), { SSH_KNOWN_HOSTS: file });
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "access-denied", isTransient: false });
    expect(error.message).toContain(`not known: it showed ssh-ed25519 ${server.fingerprint}`);
    const hint = (error as StorageError).hint ?? "";
    expect(hint).toContain(`ssh-keyscan -p ${server.port} 127.0.0.1`);
    expect(hint).toContain(file ?? join(dir, ".ssh/known_hosts"));
  }
});

test("a host key that has changed or is revoked is refused, and off means off", async () => {
  const [name = "", type = ""] = readFileSync(server.knownHostsFile, "utf8").split(" ");
  const strange = readFileSync(join(dir, "strange.pub"), "utf8").split(" ")[1];
  const changed = join(dir, "changed");
  writeFileSync(changed, `${name} ${type} ${strange}\n`);
  const error = await refused(sftpSettings(server), { SSH_KNOWN_HOSTS: changed });
  expect(error.message).toContain(`has changed: it showed ssh-ed25519 ${server.fingerprint}`);
  const revoked = join(dir, "revoked");
  const line = readFileSync(server.knownHostsFile, "utf8");
  writeFileSync(revoked, `${line}@revoked ${line}`);
  const other = await refused(sftpSettings(server), { SSH_KNOWN_HOSTS: revoked });
  expect(other.message).toContain("is revoked");
  const off = { SSH_KNOWN_HOSTS: changed, SSH_HOST_KEY_CHECK: "false" };
  expect(await look(sftpSettings(server), off)).toBe(0);
});

test("of a server with several keys the one is asked for that is known", async () => {
  const rsa = join(dir, "host-rsa");
  expect(Bun.spawnSync(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", rsa]).exitCode).toBe(0);
  const shown = join(dir, "host-rsa-copy");
  await using both = await startSftpServer({ hostKeys: [readFileSync(rsa)] });
  writeFileSync(shown, `[127.0.0.1]:${both.port} ${readFileSync(`${rsa}.pub`, "utf8")}`);
  expect(await look(sftpSettings(both), { SSH_KNOWN_HOSTS: shown })).toBe(0);
});

test("a server that is not there, and a name that is nobody's, may pass", async () => {
  const port = await freePort();
  for (const prefix of [`ssh://x@127.0.0.1:${port}/y`, "ssh://x@host.invalid/y"]) {
    const error = await refused(sftpSettings(server), { SSH_PREFIX: prefix });
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ isTransient: true, code: "storage" });
    expect(error.message).toContain("could not connect");
  }
});

test("a directory that is not there is an error, not an empty repository", async () => {
  const SSH_PREFIX = `${sftpSettings(server).SSH_PREFIX}/absent`;
  const error = await refused(sftpSettings(server), { SSH_PREFIX });
  expect(error.message).toContain(`there is no directory ${server.root}/absent on the server`);
});

/** A server of the library: accounts of ours have no passwords that sshd would take. */
async function startPasswordServer(method: "password" | "keyboard-interactive") {
  const key = ssh2.utils.generateKeyPairSync("ed25519").private;
  const asked: string[] = [];
  const daemon = new ssh2.Server({ hostKeys: [key] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (request) => {
      asked.push(request.method);
      if (request.method !== method) return request.reject([method]);
      if (request.method === "password") {
        return request.password === "right secret" ? request.accept() : request.reject([method]);
      }
      if (request.method !== "keyboard-interactive") return;
      request.prompt([{ prompt: "Password: ", echo: false }], (answers) => {
        if (answers[0] === "right secret") request.accept();
        else request.reject([method]);
      });
    });
    client.on("ready", () => {
      client.on("session", (accept) => {
        accept().on("sftp", (acceptSftp) => {
          const session = acceptSftp();
          session.on("OPENDIR", (id) => session.handle(id, Buffer.from("d")));
          session.on("READDIR", (id) => session.status(id, 1));
          session.on("CLOSE", (id) => session.status(id, 0));
          session.on("STAT", (id) => {
            session.attrs(id, { mode: 0o40_755, uid: 0, gid: 0, size: 0, atime: 1, mtime: 1 });
          });
        });
      });
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => daemon.listen(port, "127.0.0.1", resolve));
  return {
    asked,
    settings: {
      SSH_PREFIX: `ssh://u@127.0.0.1:${port}/x`,
      SSH_HOST_KEY_CHECK: "false",
      SSH_PASSWORD: "right secret",
    },
    [Symbol.asyncDispose]: async () => void daemon.close(),
  };
}

test.each(["password", "keyboard-interactive"] as const)("a password by %s", async (method) => {
  await using daemon = await startPasswordServer(method);
  expect(await look(daemon.settings)).toBe(0);
  expect(daemon.asked).toContain(method);
  const error = await refused(daemon.settings, { SSH_PASSWORD: "wrong secret" });
  expect(error).toBeInstanceOf(AccessDeniedError);
  expect(`${error.message}${(error as AccessDeniedError).hint}`).not.toContain("secret");
});

test("no password is told to a server whose key is not known", async () => {
  await using daemon = await startPasswordServer("password");
  await refused(daemon.settings, { SSH_HOST_KEY_CHECK: "true" });
  expect(daemon.asked).toEqual([]);
});
