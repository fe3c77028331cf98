// Proves that gpg reads what we encrypt and that we read what gpg encrypts, with keys that gpg
// made: RSA and Curve25519, armored and binary, with and without a passphrase.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WrongKeyError } from "../../src/cipher/errors.ts";
import { collect } from "../../src/stream/byte-stream.ts";
import { openPgpCipher } from "../support/openpgp-key.ts";
import { inChunks, incompressible } from "../support/sample-bytes.ts";

const LIMIT_BYTES = 1 << 24;
const PASSPHRASE = "correct horse";
const KEYS = [
  { name: "rsa", algorithm: "rsa2048", usage: "encrypt,sign", passphrase: "" },
  { name: "locked", algorithm: "rsa2048", usage: "encrypt,sign", passphrase: PASSPHRASE },
  { name: "curve", algorithm: "future-default", usage: "default", passphrase: PASSPHRASE },
] as const;
/** Around the limits of a part: 65536, less the head of the literal packet, or prefix and sum. */
const SIZES = [0, 1, 185, 192, 8378, 65_489, 65_530, 65_536, 131_066, 700_000];

// The agent's socket has a path of at most 107 bytes.
const home = mkdtempSync(join(tmpdir(), "tidemark-gpg-"));

function gpg(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Buffer {
  const command = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback"];
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [...command, "--passphrase", PASSPHRASE, "--trust-model", "always", ...args],
    { stdin: input, stdout: "pipe", stderr: "pipe", env: { ...process.env, GNUPGHOME: home } },
  );
  if (exitCode !== 0) throw new Error(`gpg ${args.join(" ")}: ${stderr.toString()}`);
  return stdout;
}

beforeAll(() => {
  for (const { name, algorithm, usage, passphrase } of KEYS) {
    gpg(["--passphrase", passphrase, "--quick-generate-key", name, algorithm, usage, "never"]);
  }
});

afterAll(() => {
  Bun.spawnSync(["gpgconf", "--homedir", home, "--kill", "all"]);
  rmSync(home, { recursive: true, force: true });
});

describe.each(KEYS)("gpg with key $name", ({ name }) => {
  const open = (args: readonly string[]) => {
    return openPgpCipher(gpg([...args, name]), { passphrase: PASSPHRASE });
  };

  test("reads what is written with the public key, armored and binary", async () => {
    for (const args of [["--armor", "--export"], ["--export"]]) {
      const cipher = await open(args);
      expect(cipher.canDecrypt).toBe(false);
      for (const sizeBytes of SIZES) {
        const plain = incompressible(sizeBytes, 1);
        const input = inChunks(plain, { sizeBytesMax: 50_000, seed: 2 });
        const stored = await collect(cipher.encrypt(input), LIMIT_BYTES);
        const read = gpg(["--decrypt"], stored);
        expect(Buffer.compare(read, plain), `${sizeBytes} bytes`).toBe(0);
      }
    }
  });

  test.each([
    ["of a pipe", []],
    ["of a file", ["a file"]],
    ["for nobody by name", ["--hidden-recipient", name]],
  ])("writes messages %s, which the private key reads", async (_title, options) => {
    const isFile = options[0] === "a file";
    const who = options.length === 2 ? options : ["--recipient", name];
    // As WAL-G and WAL-E: not compressed, and protected by a sum.
    const flags = ["--compress-algo", "none", "--rfc4880", "--encrypt", ...who];
    const ciphers = [await open(["--export-secret-keys"])];
    ciphers.push(await open(["--armor", "--export-secret-keys"]));
    for (const sizeBytes of SIZES) {
      const plain = incompressible(sizeBytes, 3);
      const path = join(home, "plain");
      writeFileSync(path, plain);
      const stored = isFile ? gpg([...flags, "--output", "-", path]) : gpg(flags, plain);
      for (const cipher of ciphers) {
        const read = cipher.decrypt(inChunks(stored, { sizeBytesMax: 9000, seed: 4 }));
        const bytes = await collect(read, LIMIT_BYTES);
        expect(Buffer.compare(bytes, plain), `${sizeBytes} bytes`).toBe(0);
      }
    }
  });
});

describe("messages of gpg that are no objects of ours", () => {
  test("are refused when they are compressed, signed or for another key", async () => {
    const cipher = await openPgpCipher(gpg(["--export-secret-keys", "rsa"]));
    const plain = Buffer.from("text ".repeat(1000));
    const read = async (flags: readonly string[]) => {
      const stored = gpg([...flags, "--encrypt"], plain);
      return await collect(
        cipher.decrypt(inChunks(stored, { sizeBytesMax: 99, seed: 5 })),
        1 << 20,
      );
    };
    const own = ["--rfc4880", "--recipient", "rsa"];
    await expect(read([...own, "--compress-algo", "zlib"])).rejects.toThrow("has packet 8 inside");
    await expect(read([...own, "--compress-algo", "none", "--sign"])).rejects.toThrow(
      "has packet 4 inside",
    );
    await expect(read(["--rfc4880", "--recipient", "locked"])).rejects.toThrow(WrongKeyError);
  });
});
