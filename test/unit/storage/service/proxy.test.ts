// Proves which requests go through a proxy, by a table of NO_PROXY rules.
import { describe, expect, test } from "vitest";
import { proxyFor } from "../../../../src/storage/service/proxy.ts";

const PROXIES = { https: "http://proxy:3128", http: "plain:8080" };

function proxied(url: string, none?: string): string | undefined {
  return proxyFor(new URL(url), { ...PROXIES, none });
}

describe("proxyFor", () => {
  test("takes the proxy of the scheme, and HTTP when it names none", () => {
    expect(proxied("https://s3.example.com/a")).toBe("http://proxy:3128");
    expect(proxied("http://s3.example.com/a")).toBe("http://plain:8080");
    expect(proxyFor(new URL("https://x"), { https: undefined, http: "p", none: "" })).toBe(
      undefined,
    );
  });

  test.each(["http://localhost:9000/", "http://127.0.0.1/", "http://[::1]:80/"])(
    "never for %s",
    (url) => {
      expect(proxied(url)).toBeUndefined();
    },
  );

  test.each([
    ["*", true],
    ["example.com", true],
    [".example.com", true],
    ["*.example.com", true],
    ["EXAMPLE.com", true],
    ["other.org, s3.example.com", true],
    ["s3.example.com:443", true],
    ["s3.example.com:9000", false],
    ["ample.com", false],
    ["s3.example.com.org", false],
    ["", false],
    [" , ", false],
  ])("NO_PROXY=%j keeps https://s3.example.com direct: %s", (none, isDirect) => {
    expect(proxied("https://s3.example.com/a", none) === undefined).toBe(isDirect);
  });

  test.each([
    ["10.1.2.3", true],
    ["10.0.0.0/8", true],
    ["10.1.2.0/24", true],
    ["10.1.3.0/24", false],
    ["0.0.0.0/0", true],
    ["10.1.2.3/33", false],
    ["nonsense/8", false],
  ])("NO_PROXY=%j keeps http://10.1.2.3:9000 direct: %s", (none, isDirect) => {
    expect(proxied("http://10.1.2.3:9000/a", none) === undefined).toBe(isDirect);
  });
});
