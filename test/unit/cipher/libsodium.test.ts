// Proves how WAL-G's key texts become keys, the golden objects, and the fall-back's log line.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { createLogger, SILENT_LOGGER } from "../../../src/base/log.ts";
import { openLibsodiumCipher, transformKey } from "../../../src/cipher/libsodium.ts";
import { openCodec } from "../../../src/codec/registry.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";

const FOLDER = join(import.meta.dirname, "../../golden/cipher");
const hexOf = (text: string, transform: "none" | "hex" | "base64") =>
  Buffer.from(transformKey(Buffer.from(text), transform)).toString("hex");
const open = (bytes: Uint8Array) => bytesSource(bytes).open(new AbortController().signal);

describe("libsodium keys", () => {
  const ascii = (text: string) => Buffer.from(text).toString("hex");

  test("are the text itself, filled with zeros or cut to 32 bytes", () => {
    expect(hexOf("x".repeat(25), "none")).toBe(`${ascii("x".repeat(25))}00000000000000`);
    expect(hexOf("x".repeat(32), "none")).toBe(ascii("x".repeat(32)));
    expect(hexOf(`${"x".repeat(32)}more`, "none")).toBe(ascii("x".repeat(32)));
    expect(hexOf("é".repeat(13), "none")).toBe(`${"c3a9".repeat(13)}000000000000`);
  });

  test("are hex or base64 of exactly 32 bytes", () => {
    expect(hexOf("0aFf".repeat(16), "hex")).toBe("0aff".repeat(16));
    const base64 = Buffer.alloc(32, 0xfb).toString("base64");
    expect(hexOf(base64, "base64")).toBe("fb".repeat(32));
    expect(hexOf(`${base64.slice(0, 20)}\n${base64.slice(20)}`, "base64")).toBe("fb".repeat(32));
  });

  test.each([
    ["none", "x".repeat(24)],
    ["none", ""],
    ["hex", "0a".repeat(31)],
    ["hex", "0a".repeat(33)],
    ["hex", `${"0a".repeat(31)}0g`],
    ["hex", `${"0a".repeat(31)}0`],
    ["hex", ` ${"0a".repeat(32)}`],
    ["base64", Buffer.alloc(31).toString("base64")],
    ["base64", Buffer.alloc(33).toString("base64")],
    ["base64", Buffer.alloc(32).toString("base64").replace("=", "")],
    ["base64", Buffer.alloc(32, 0xfb).toString("base64url")],
  ] as const)("are refused as %s: %j, and the key is not told", (transform, text) => {
    let error: unknown;
    try {
      transformKey(Buffer.from(text), transform);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    const { message, hint } = error as ConfigError;
    if (text !== "") expect(`${message} ${hint}`).not.toContain(text);
    expect(message).toContain("LIBSODIUM_KEY");
  });
});

describe("libsodium cipher", () => {
  test("reads what WAL-G wrote", async () => {
    const hex = "227ba5f2c6c9109fe5c44a0696f393379607493a377f522ee27d9a7ae3227d89";
    const cipher = openLibsodiumCipher(transformKey(Buffer.from(hex), "hex"), {
      log: SILENT_LOGGER,
    });
    const stored = open(readFileSync(join(FOLDER, "walg-libsodium.zst")));
    const codec = await openCodec("zstd");
    const plain = await collect(codec.decompress(cipher.decrypt(stored)), 1 << 20);
    expect(Buffer.from(plain).toString()).toMatch(/^START WAL LOCATION: 0\/800028 /);
  });

  test("reads what tidemark wrote, with the fingerprint of then", async () => {
    const key = transformKey(Buffer.from("a key that is no secret, for tests"), "none");
    const cipher = openLibsodiumCipher(key, { log: SILENT_LOGGER });
    expect(cipher.keyId).toBe("ee15e802");
    const stored = open(readFileSync(join(FOLDER, "tidemark-libsodium.bin")));
    const plain = await collect(cipher.decrypt(stored), 1 << 20);
    expect(Buffer.compare(plain, readFileSync(join(FOLDER, "tidemark-plain.txt")))).toBe(0);
  });

  test.each(["addon", "wasm"] as const)("says once which engine it uses: %s", async (engine) => {
    const lines: string[] = [];
    const log = createLogger("debug", (_level, message, facts) => {
      lines.push(`${message} ${JSON.stringify(facts)}`);
    });
    const cipher = openLibsodiumCipher(new Uint8Array(32), { log, engine });
    expect(lines).toEqual([]);
    const stored = await collect(cipher.encrypt(open(Buffer.from("abc"))), 100);
    await collect(cipher.decrypt(open(stored)), 100);
    expect(lines).toEqual([`libsodium engine opened {"engine":"${engine}"}`]);
  });
});
