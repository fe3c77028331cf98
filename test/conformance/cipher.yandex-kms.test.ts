// The cipher suite for Yandex KMS and enveloped OpenPGP, against a service that is made after the
// public reference; the bytes of their heads are compared with WAL-G's format, by hand.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import { cipherOf } from "../support/open-cipher.ts";
import { makeOpenPgpKey, type TestKey } from "../support/openpgp-key.ts";
import { startYandexService, type YandexService } from "../support/yandex-service.ts";
import { testCipher } from "./cipher.suite.ts";

const LIMIT_BYTES = 1 << 20;
const { signal } = new AbortController();
let service: YandexService;
let ownKey: TestKey;
let otherKey: TestKey;

beforeAll(async () => {
  service = await startYandexService();
  ownKey = await makeOpenPgpKey();
  otherKey = await makeOpenPgpKey();
});
afterAll(() => service?.stop());

async function envelopeSettings(index: 0 | 1, key: TestKey): Promise<Record<string, string>> {
  const keyId = service.keyIds[index] ?? "";
  const encrypted = await service.encrypt(keyId, key.private);
  return {
    WALG_ENVELOPE_PGP_KEY: Buffer.from(encrypted).toString("base64"),
    WALG_ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: keyId,
    WALG_ENVELOPE_PGP_YC_SERVICE_ACCOUNT_KEY_FILE: service.accountFile,
    WALG_ENVELOPE_PGP_YC_ENDPOINT: service.endpoint,
    AWS_CA_BUNDLE: service.authorityFile,
  };
}

testCipher({
  title: "Yandex KMS",
  open: async () => ({
    own: await cipherOf(service.settings),
    other: await cipherOf({
      ...service.settings,
      YC_CSE_KMS_KEY_ID: service.keyIds[1] ?? "",
    }),
  }),
  sizes: [0, 1, 65_535, 65_536, 65_537, 200_000],
  // One request for each damage of the key; no divisor of 8.
  damageStride: 5,
  chunks: { headBytes: 70, storedBytes: 65_568 },
});

let envelopes: Promise<readonly Record<string, string>[]> | undefined;

testCipher({
  title: "enveloped OpenPGP",
  open: async () => {
    envelopes ??= Promise.all([envelopeSettings(0, ownKey), envelopeSettings(1, otherKey)]);
    const [own = {}, other = {}] = await envelopes;
    return { own: await cipherOf(own), other: await cipherOf(other) };
  },
  sizes: [0, 1, 191, 65_530, 65_531, 200_000],
  damageStride: 61,
  chunks: { headBytes: 3000, storedBytes: 8192 },
});

async function stored(settings: Readonly<Record<string, string>>): Promise<Buffer> {
  const cipher = await cipherOf(settings);
  return Buffer.from(
    await collect(cipher.encrypt(bytesSource("content").open(signal)), LIMIT_BYTES),
  );
}

async function read(settings: Readonly<Record<string, string>>, bytes: Uint8Array) {
  const cipher = await cipherOf(settings);
  const plain = await collect(cipher.decrypt(bytesSource(bytes).open(signal)), LIMIT_BYTES);
  return Buffer.from(plain).toString();
}

describe("the heads", () => {
  test("of Yandex KMS are yckms, 1, a length and the encrypted key", async () => {
    const bytes = await stored(service.settings);
    expect(bytes.subarray(0, 10).toString("hex")).toBe("79636b6d73013c000000");
    expect(bytes.readUInt16LE(70)).toBe(0x0020);
    expect(bytes.readUInt16LE(72)).toBe("content".length - 1);
    // More than an encrypted key may have.
    bytes.writeUInt32LE(4097, 6);
    await expect(read(service.settings, bytes)).rejects.toThrow("a key of 4097 bytes");
  });

  test("of enveloped OpenPGP are the name, 1, the ids and the encrypted key", async () => {
    const settings = await envelopeSettings(0, ownKey);
    const bytes = await stored(settings);
    expect(bytes.subarray(0, 16).toString("latin1")).toBe("envelope-yc-kms\x01");
    const idBytes = bytes.readUInt32LE(16);
    expect(bytes.subarray(20, 20 + idBytes).toString()).toMatch(/^[1-9A-F][0-9A-F]{8,15}$/);
    const encrypted = Buffer.from(settings["WALG_ENVELOPE_PGP_KEY"] ?? "", "base64");
    expect(bytes.readUInt32LE(20 + idBytes)).toBe(encrypted.byteLength);
    const at = 24 + idBytes;
    const key = bytes.subarray(at, at + encrypted.byteLength);
    expect(key.equals(encrypted)).toBe(true);
    // What follows is an ordinary message: a packet with the key of the data.
    expect((bytes[at + encrypted.byteLength] ?? 0) & 0xbf).toBe(0x81);
  });
});

test("an object with an earlier key's envelope is read with a new one configured", async () => {
  const bytes = await stored(await envelopeSettings(0, ownKey));
  expect(await read(await envelopeSettings(0, otherKey), bytes)).toBe("content");
});

test("the service is asked once for a key that many objects share", async () => {
  const bytes = await stored(service.settings);
  const cipher = await cipherOf(service.settings);
  service.requests.length = 0;
  for (let round = 0; round < 5; round++) {
    await collect(cipher.decrypt(bytesSource(bytes).open(signal)), LIMIT_BYTES);
    await collect(cipher.encrypt(bytesSource("x").open(signal)), LIMIT_BYTES);
  }
  expect(service.requests).toEqual([
    "/endpoints 200",
    "/iam/v1/tokens 200",
    "/kms/v1/keys/abjfirst:decrypt 200",
    "/kms/v1/keys/abjfirst:encrypt 200",
  ]);
});

test("refused tokens are renewed, and failures that pass are asked again", async () => {
  const cipher = await cipherOf(service.settings);
  const encrypt = async (settings: Readonly<Record<string, string>>) => {
    service.requests.length = 0;
    return await stored(settings);
  };
  await collect(cipher.encrypt(bytesSource("x").open(signal)), LIMIT_BYTES);
  service.failures.push(new Response("busy", { status: 503 }));
  await encrypt(service.settings);
  expect(service.requests).toEqual([
    "/endpoints 503",
    "/endpoints 200",
    "/iam/v1/tokens 200",
    "/kms/v1/keys/abjfirst:encrypt 200",
  ]);
  const bytes = await stored(service.settings);
  service.revokeTokens();
  service.requests.length = 0;
  await collect(cipher.decrypt(bytesSource(bytes).open(signal)), LIMIT_BYTES);
  expect(service.requests).toEqual([
    "/kms/v1/keys/abjfirst:decrypt 401",
    "/iam/v1/tokens 200",
    "/kms/v1/keys/abjfirst:decrypt 200",
  ]);
});

test("a key and an account that the service does not have are told", async () => {
  const settings = { ...service.settings, YC_CSE_KMS_KEY_ID: "nobody" };
  await expect(stored(settings)).rejects.toThrow("Yandex KMS key nobody: Key nobody not found");
  const stranger = await startYandexService();
  try {
    const strange = { ...service.settings, YC_SERVICE_ACCOUNT_KEY_FILE: stranger.accountFile };
    const failed = stored(strange);
    await expect(failed).rejects.toThrow("Yandex KMS key abjfirst: The JWT is invalid");
    await expect(failed).rejects.toMatchObject({ code: "access-denied" });
  } finally {
    await stranger.stop();
  }
});

test("an envelope that the service does not open is told with its setting", async () => {
  const settings = await envelopeSettings(0, ownKey);
  const wrong = { ...settings, WALG_ENVELOPE_PGP_YC_CSE_KMS_KEY_ID: service.keyIds[1] ?? "" };
  await expect(stored(wrong)).rejects.toThrow("ENVELOPE_PGP_KEY: the key service does not open it");
  const publicOnly = await envelopeSettings(0, { ...ownKey, private: ownKey.public });
  await expect(stored(publicOnly)).rejects.toThrow(
    "ENVELOPE_PGP_KEY: what the service decrypts is no private key without a passphrase",
  );
});
