// The cipher suite for AWS KMS, against a server with its interface; who may open what, and what
// of the service's answers is told.
import { afterAll, beforeAll, expect, test } from "vitest";
import { WrongKeyError } from "../../src/cipher/errors.ts";
import { bytesSource, collect } from "../../src/stream/byte-stream.ts";
import { KMS_HOOK_TIMEOUT_MS, type KmsServer, startKmsServer } from "../support/kms-server.ts";
import { cipherOf } from "../support/open-cipher.ts";
import { testCipher } from "./cipher.suite.ts";

const LIMIT_BYTES = 1 << 20;
const { signal } = new AbortController();
let own: KmsServer;
let other: KmsServer;

beforeAll(async () => {
  own = await startKmsServer();
  other = await startKmsServer();
}, KMS_HOOK_TIMEOUT_MS);
afterAll(async () => {
  await own?.stop();
  await other?.stop();
});

testCipher({
  title: "AWS KMS",
  open: async () => ({
    own: await cipherOf(own.settings),
    other: await cipherOf(other.settings),
  }),
  sizes: [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 1_000_000],
  damageStride: 1,
  chunks: { headBytes: 184, storedBytes: 65_568 },
});

async function encrypted(settings: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const cipher = await cipherOf(settings);
  return await collect(cipher.encrypt(bytesSource("content").open(signal)), LIMIT_BYTES);
}

async function decrypted(
  settings: Readonly<Record<string, string>>,
  stored: Uint8Array,
): Promise<string> {
  const cipher = await cipherOf(settings);
  const plain = await collect(cipher.decrypt(bytesSource(stored).open(signal)), LIMIT_BYTES);
  return Buffer.from(plain).toString();
}

test("what an earlier key encrypted is read with another one configured", async () => {
  const stored = await encrypted(own.settings);
  const settings = { ...own.settings, WALG_CSE_KMS_ID: own.keyIds[1] ?? "" };
  expect(await decrypted(settings, stored)).toBe("content");
});

test("one process has one data key, and another process another one", async () => {
  const cipher = await cipherOf(own.settings);
  const heads = [];
  for (let round = 0; round < 2; round++) {
    const stored = await collect(cipher.encrypt(bytesSource("x").open(signal)), LIMIT_BYTES);
    heads.push(Buffer.from(stored.subarray(0, 184)).toString("hex"));
  }
  expect(heads[0]).toBe(heads[1]);
  expect(Buffer.from((await encrypted(own.settings)).subarray(0, 184)).toString("hex")).not.toBe(
    heads[0],
  );
});

test("a service without the key says so before anything is stored", async () => {
  const settings = { ...own.settings, WALG_CSE_KMS_ID: "alias/nobody" };
  await expect(encrypted(settings)).rejects.toThrow(
    /AWS KMS key alias\/nobody in eu-central-1: NotFoundException/,
  );
  await expect(decrypted(other.settings, await encrypted(own.settings))).rejects.toThrow(
    WrongKeyError,
  );
});

test("what the service makes of a data key must fit into objects", async () => {
  const short = await startKmsServer({ keyIdLength: 40 });
  try {
    await expect(encrypted(short.settings)).rejects.toThrow(
      "CSE_KMS_ID: the service makes 147 bytes of a data key, and objects have room for",
    );
  } finally {
    await short.stop();
  }
});
