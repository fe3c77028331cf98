import { ConfigError } from "../../base/errors.ts";
import type { SettingReader } from "../../base/setting-reader.ts";
import type { ProxySettings } from "./proxy.ts";

/** A whole number within limits, or what holds without the setting. */
export function readWhole(
  settings: SettingReader,
  key: string,
  limits: { readonly fallback: number; readonly min: number; readonly max: number },
): number {
  const value = settings.whole(key);
  if (value === undefined) return limits.fallback;
  if (value < limits.min || value > limits.max) {
    throw new ConfigError(`${key}: ${value} is not between ${limits.min} and ${limits.max}`);
  }
  return value;
}

/** The proxies that a command may be told by its environment. */
export function readProxy(settings: SettingReader): ProxySettings {
  return {
    https: settings.text("HTTPS_PROXY"),
    http: settings.text("HTTP_PROXY"),
    none: settings.text("NO_PROXY"),
  };
}

/** `https://host:port/path` without its last slash, for services other than the public one. */
export function readEndpointUrl(key: string, text: string): URL {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url === null || !isHttp || url.username !== "" || url.search !== "") {
    throw new ConfigError(`${key}: is not like https://storage.example.com:9000`);
  }
  url.pathname = url.pathname.replace(/\/+$/, "");
  return url;
}

/** A key of 32 bytes in base64, as services take it for encryption by the customer's key. */
export function parseCustomerKey(
  key: string,
  text: string,
): { readonly bytes: Buffer; readonly base64: string } {
  const bytes = Buffer.from(text, "base64");
  const base64 = bytes.toString("base64");
  if (bytes.byteLength !== 32 || base64.replace(/=+$/, "") !== text.replace(/=+$/, "")) {
    throw new ConfigError(
      `${key}: is not 32 bytes in base64`,
      "Make one with: openssl rand -base64 32",
    );
  }
  return { bytes, base64 };
}
