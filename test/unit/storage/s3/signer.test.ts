// Proves signatures against the worked examples of the S3 documentation (SigV4, header-based).
import { describe, expect, test } from "vitest";
import {
  EMPTY_SHA256,
  encodeRfc3986,
  sha256Hex,
  signRequest,
} from "../../../../src/storage/s3/signer.ts";

const SCOPE = {
  credentials: {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  },
  region: "us-east-1",
  now: new Date("2013-05-24T00:00:00Z"),
};
const HOST = "https://examplebucket.s3.amazonaws.com";

function signatureOf(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  bodySha256 = EMPTY_SHA256,
): string {
  const url = new URL(`${HOST}${path}`);
  const signed = signRequest({ method, url, headers, bodySha256 }, SCOPE);
  return /Signature=([0-9a-f]{64})$/.exec(signed["authorization"] ?? "")?.[1] ?? "";
}

describe("signRequest", () => {
  test("GET object with a range", () => {
    expect(signatureOf("GET", "/test.txt", { range: "bytes=0-9" })).toBe(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  test("PUT object with headers and an encoded name", () => {
    const body = "Welcome to Amazon S3.";
    const headers = {
      date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    };
    expect(signatureOf("PUT", "/test%24file.text", headers, sha256Hex(body))).toBe(
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  test("GET with a query that has no value", () => {
    expect(signatureOf("GET", "/?lifecycle")).toBe(
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
  });

  test("GET with several query parameters", () => {
    expect(signatureOf("GET", "/?max-keys=2&prefix=J")).toBe(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
  });

  test("sends a session token, signed, and leaves host to the transport", () => {
    const credentials = { ...SCOPE.credentials, sessionToken: "token" };
    const signed = signRequest(
      { method: "GET", url: new URL(`${HOST}/a`), headers: {}, bodySha256: EMPTY_SHA256 },
      { ...SCOPE, credentials },
    );
    expect(signed["x-amz-security-token"]).toBe("token");
    expect(signed["authorization"]).toContain(
      "host;x-amz-content-sha256;x-amz-date;x-amz-security",
    );
    expect(signed["host"]).toBeUndefined();
    expect(JSON.stringify(signed)).not.toContain(credentials.secretAccessKey);
  });
});

test("the constant is the hash of nothing", () => {
  expect(EMPTY_SHA256).toBe(sha256Hex(""));
});

test("encodes all but unreserved characters", () => {
  expect(encodeRfc3986("a-b_c.d~e")).toBe("a-b_c.d~e");
  expect(encodeRfc3986("!'()* +é/")).toBe("%21%27%28%29%2A%20%2B%C3%A9%2F");
});
