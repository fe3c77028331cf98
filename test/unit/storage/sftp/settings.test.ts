// Proves what SSH settings become: where the repository is and as whom, which host keys are asked,
// and that what cannot be meant is an error without a password in it.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/base/errors.ts";
import { readSftpSettings } from "../../../../src/storage/sftp/settings.ts";
import { mapSettings } from "../../../support/map-settings.ts";

const ACCOUNT = { userName: "postgres", home: "/var/lib/postgresql" };
const KEY = { SSH_PRIVATE_KEY_PATH: "/etc/id" };

function read(values: Readonly<Record<string, string>>, storagePrefix = "") {
  return readSftpSettings(mapSettings({ ...KEY, ...values }), { storagePrefix, account: ACCOUNT });
}

function errorOf(values: Readonly<Record<string, string>>): Error {
  try {
    read(values);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

describe("readSftpSettings", () => {
  it("reads WAL-G's form, with the port and the user beside it", () => {
    const values = { SSH_PREFIX: "ssh://host/a/b/", SSH_PORT: "2222", SSH_USERNAME: "backup" };
    expect(read(values, "c/d")).toMatchObject({
      host: "host",
      port: 2222,
      userName: "backup",
      base: "/a/b",
      below: "c/d",
      name: "ssh://backup@host:2222/a/b/c/d",
    });
  });

  it("lets user and port of the URL win, and decodes them", () => {
    const values = {
      SSH_PREFIX: "sftp://de%40pot@[::1]:2200//mnt/with%20space",
      SSH_PORT: "22",
      SSH_USERNAME: "other",
    };
    expect(read(values)).toMatchObject({
      host: "::1",
      port: 2200,
      userName: "de@pot",
      base: "/mnt/with space",
      name: "ssh://de@pot@[::1]:2200/mnt/with space",
    });
  });

  it("logs in as the account that runs the program, which the name leaves out", () => {
    expect(read({ SSH_PREFIX: "ssh://host" })).toMatchObject({
      userName: "postgres",
      port: 22,
      base: "",
      name: "ssh://host",
      attemptsMax: 16,
      connectionsMax: 4,
    });
  });

  it("takes the password for the passphrase only where the key has none", () => {
    const values = { SSH_PREFIX: "ssh://host/x", SSH_PASSWORD: "one" };
    expect(read(values)).toMatchObject({ password: "one", passphrase: "one" });
    const both = read({ ...values, SSH_PRIVATE_KEY_PASSPHRASE: "two" });
    expect(both).toMatchObject({ password: "one", passphrase: "two" });
  });

  it("asks the account's and the machine's known hosts, one named file, or none", () => {
    const prefix = { SSH_PREFIX: "ssh://host/x" };
    expect(read(prefix).knownHosts).toEqual([
      "/var/lib/postgresql/.ssh/known_hosts",
      "/etc/ssh/ssh_known_hosts",
    ]);
    expect(read({ ...prefix, SSH_KNOWN_HOSTS: "/k" }).knownHosts).toEqual(["/k"]);
    expect(read({ ...prefix, SSH_HOST_KEY_CHECK: "true" }).knownHosts).toHaveLength(2);
    expect(read({ ...prefix, SSH_HOST_KEY_CHECK: "false" }).knownHosts).toBeUndefined();
  });

  it.each([
    "ssh://user:secret@host/path",
    "ssh://host:port/path?secret",
    "ssh://secret@",
    "s3://secret/x",
    "host:/secret",
    "ssh://host/a/../secret",
    "ssh://host/%zz",
    "",
  ])("refuses %j", (prefix) => {
    const error = errorOf({ SSH_PREFIX: prefix });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("SSH_PREFIX");
    if (prefix.includes(":secret")) expect(error.message).not.toContain("secret");
  });

  it("refuses a port that is none, and a login without anything to log in with", () => {
    const prefix = { SSH_PREFIX: "ssh://host/x" };
    expect(errorOf({ SSH_PREFIX: "ssh://host:70000/x" }).message).toContain("70000");
    const settings = mapSettings(prefix);
    const account = { storagePrefix: "", account: ACCOUNT };
    expect(() => readSftpSettings(settings, account)).toThrow(/nothing to log in with/);
    const agent = mapSettings({ ...prefix, SSH_AUTH_SOCK: "/run/agent" });
    expect(readSftpSettings(agent, account).agentSocket).toBe("/run/agent");
    const nobody = mapSettings({ ...prefix, ...KEY });
    expect(() => readSftpSettings(nobody, { ...account, account: undefined })).toThrow(
      /SSH_USERNAME/,
    );
  });
});
