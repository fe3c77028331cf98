// Proves that secrets of further storages are found, and that none is shown, known by name or not.
import { expect, test } from "vitest";
import { maskedStorages, secretsOfStorages } from "../../../src/config/storage-secrets.ts";

const MAP = JSON.stringify({
  a: { AWS_REGION: "r", aws_secret_access_key: "one", SSH_PASWORD: "two" },
  b: { SSH_PASSWORD: "three" },
  c: "four",
});

test("finds the secrets", () => {
  expect(secretsOfStorages(MAP)).toEqual(["one", "three"]);
});

test("shows what is no secret", () => {
  expect(maskedStorages(MAP)).toBe(
    '{"a":{"AWS_REGION":"r","aws_secret_access_key":"--HIDDEN--","SSH_PASWORD":"--HIDDEN--"},' +
      '"b":{"SSH_PASSWORD":"--HIDDEN--"},"c":"--HIDDEN--"}',
  );
});
