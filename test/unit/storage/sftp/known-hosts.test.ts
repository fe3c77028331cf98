// Proves what a file of known hosts says of a server's key, against lines that OpenSSH's own tools
// wrote (ssh-keygen, with and without hashed names) and against every line cut short.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fingerprintOf, KnownHosts, keyTypeOf } from "../../../../src/storage/sftp/known-hosts.ts";

const dir = mkdtempSync(join(tmpdir(), "tidemark-known-hosts-"));
afterAll(() => rmSync(dir, { recursive: true }));

function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.toString();
}

/** A new key: its blob, its line without names, and its fingerprint as ssh-keygen shows it. */
function makeKey(type: string) {
  const path = join(dir, `${type}-${crypto.randomUUID()}`);
  run("ssh-keygen", "-q", "-t", type, "-N", "", "-f", path);
  const [keyType = "", text = ""] = readFileSync(`${path}.pub`, "utf8").split(" ");
  const fingerprint = run("ssh-keygen", "-l", "-f", `${path}.pub`).split(" ")[1];
  return { blob: Uint8Array.fromBase64(text), line: `${keyType} ${text}`, keyType, fingerprint };
}

function hashed(text: string): string {
  const path = join(dir, crypto.randomUUID());
  writeFileSync(path, text);
  run("ssh-keygen", "-H", "-f", path);
  return readFileSync(path, "utf8");
}

const ed25519 = makeKey("ed25519");
const other = makeKey("ed25519");
const ecdsa = makeKey("ecdsa");
const server = { host: "backup.example", port: 22 };

describe("KnownHosts", () => {
  it.each([
    ["a plain name", `backup.example ${ed25519.line} comment\n`],
    ["a list of names", `other,backup.example,10.0.0.1 ${ed25519.line}\n`],
    ["a name in capitals", `Backup.Example ${ed25519.line}\n`],
    ["a pattern", `*.example ${ed25519.line}\n`],
    ["a pattern of one character", `back?p.example ${ed25519.line}\n`],
    ["a hashed name", hashed(`backup.example ${ed25519.line}\n`)],
    ["tabs, blank lines and comments", `\n# backup.example x y\n\tbackup.example\t${ed25519.line}`],
  ])("knows a key by %s", (_, text) => {
    const known = new KnownHosts(text, server);
    expect(known.judge(ed25519.blob)).toBe("known");
    expect(known.judge(other.blob)).toBe("changed");
    expect(known.judge(ecdsa.blob)).toBe("unknown");
    expect(known.keyTypes()).toEqual(["ssh-ed25519"]);
  });

  it.each([
    ["nothing", ""],
    ["another host", `backup.example.org ${ed25519.line}\n`],
    ["a part of the name", `backup ${ed25519.line}\n`],
    ["another port", `[backup.example]:2222 ${ed25519.line}\n`],
    ["a refused pattern", `*.example,!backup.* ${ed25519.line}\n`],
    ["another hashed name", hashed(`backup.example.org ${ed25519.line}\n`)],
    ["a certificate's authority", `@cert-authority *.example ${ed25519.line}\n`],
    ["a hash that is none", `|1|*|* ${ed25519.line}\n`],
    ["a dot that matches anything", `backupXexample ${ed25519.line}\n`],
  ])("does not know it by %s", (_, text) => {
    expect(new KnownHosts(text, server).judge(ed25519.blob)).toBe("unknown");
  });

  it("tells ports apart, also in hashed names", () => {
    const text = `[backup.example]:2222 ${ed25519.line}\n`;
    for (const lines of [text, hashed(text)]) {
      expect(new KnownHosts(lines, { ...server, port: 2222 }).judge(ed25519.blob)).toBe("known");
      expect(new KnownHosts(lines, { ...server, port: 2223 }).judge(ed25519.blob)).toBe("unknown");
    }
  });

  it("refuses a revoked key, whatever else is said of it", () => {
    const text = `backup.example ${ed25519.line}\n@revoked * ${ed25519.line}\n`;
    expect(new KnownHosts(text, server).judge(ed25519.blob)).toBe("revoked");
  });

  it("knows several keys of one server", () => {
    const text = `backup.example ${ed25519.line}\nbackup.example ${ecdsa.line}\n`;
    const known = new KnownHosts(text, server);
    expect([ed25519, ecdsa].map(({ blob }) => known.judge(blob))).toEqual(["known", "known"]);
    expect(known.keyTypes()).toEqual([ed25519.keyType, ecdsa.keyType]);
    expect(known.judge(other.blob)).toBe("changed");
  });

  it("trusts no line that was cut short", () => {
    const line = `backup.example ${ed25519.line}`;
    for (let length = 0; length < line.length; length += 1) {
      const verdict = new KnownHosts(line.slice(0, length), server).judge(ed25519.blob);
      expect(verdict).not.toBe("known");
    }
  });
});

describe("keys", () => {
  it("show the fingerprint and the type that OpenSSH shows", () => {
    for (const { blob, fingerprint, keyType } of [ed25519, ecdsa]) {
      expect(fingerprintOf(blob)).toBe(fingerprint);
      expect(keyTypeOf(blob)).toBe(keyType);
    }
    for (let length = 0; length < 4; length += 1) {
      expect(keyTypeOf(ed25519.blob.subarray(0, length))).toBe("");
    }
  });
});
