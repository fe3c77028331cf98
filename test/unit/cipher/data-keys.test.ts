// Proves that a service is asked once for each secret and again after a failure, that what it
// refuses is a wrong key, and that the fingerprints of names differ, with a service in memory.
import { expect, test } from "vitest";
import {
  type KeyService,
  OpenedSecrets,
  RefusedByKeyService,
  serviceKeyId,
} from "../../../src/cipher/data-keys.ts";
import { WrongKeyError } from "../../../src/cipher/errors.ts";

const OWNER = { what: "some data", keyId: "0badcafe" };

function countingService(answer: (encrypted: Uint8Array) => Uint8Array) {
  const asked: Uint8Array[] = [];
  const service: KeyService = {
    name: "a service",
    encrypt: async (plain) => plain,
    async decrypt(encrypted) {
      asked.push(encrypted);
      return answer(encrypted);
    },
  };
  return { asked, secrets: new OpenedSecrets(service, OWNER) };
}

test("the service is asked once for each secret, also by many at once", async () => {
  const { asked, secrets } = countingService((encrypted) => encrypted.map((byte) => byte + 1));
  const same = Array.from({ length: 5 }, () => secrets.open(Uint8Array.of(1, 200)));
  expect(await Promise.all(same)).toEqual(same.map(() => Uint8Array.of(2, 201)));
  expect(await secrets.open(Uint8Array.of(1, 201))).toEqual(Uint8Array.of(2, 202));
  secrets.know({ key: Uint8Array.of(7), encrypted: Uint8Array.of(9) });
  expect(await secrets.open(Uint8Array.of(9))).toEqual(Uint8Array.of(7));
  expect(asked).toHaveLength(2);
});

test("what was not asked for in a long time is forgotten, the rest stays", async () => {
  const { asked, secrets } = countingService((encrypted) => encrypted);
  const name = (index: number) => Uint8Array.of(index >>> 8, index & 255);
  for (let index = 0; index < 1000; index += 1) await secrets.open(name(index));
  await secrets.open(name(0));
  await secrets.open(name(1000));
  expect(asked).toHaveLength(1001);
  await secrets.open(name(0));
  expect(asked).toHaveLength(1001);
  await secrets.open(name(1));
  expect(asked).toHaveLength(1002);
});

test("a refusal is a wrong key, a failure is told as it is, and both are asked again", async () => {
  const failure = new Error("not reachable");
  const answers = [
    () => {
      throw failure;
    },
    () => {
      throw new RefusedByKeyService("InvalidCiphertextException");
    },
    () => Uint8Array.of(1),
  ];
  const { secrets } = countingService(() => answers.shift()?.() ?? new Uint8Array(0));
  const encrypted = Uint8Array.of(3);
  await expect(secrets.open(encrypted)).rejects.toBe(failure);
  const refused = secrets.open(encrypted);
  await expect(refused).rejects.toThrow(WrongKeyError);
  await expect(refused).rejects.toThrow(
    "some data: key 0badcafe does not open it (InvalidCiphertextException)",
  );
  expect(await secrets.open(encrypted)).toEqual(Uint8Array.of(1));
});

test("fingerprints tell ciphers and names apart", () => {
  const ids = [
    serviceKeyId("aws-kms", "alias/a"),
    serviceKeyId("aws-kms", "alias/b"),
    serviceKeyId("yandex-kms", "alias/a"),
  ];
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}$/);
});
