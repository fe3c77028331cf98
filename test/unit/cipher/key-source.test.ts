// Proves where a key comes from, byte by byte, and that no failure is taken for "no key".
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { readKey } from "../../../src/cipher/key-source.ts";
import { mapSettings } from "../../support/map-settings.ts";

const NAMES = { text: "LIBSODIUM_KEY", path: "LIBSODIUM_KEY_PATH" };

function key(settings: Record<string, string>, file?: Uint8Array): string | undefined {
  const bytes = readKey(mapSettings(settings), NAMES, () => file ?? new Uint8Array(0));
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("latin1");
}

describe("readKey", () => {
  test("is undefined only when neither is set", () => {
    expect(key({})).toBeUndefined();
  });

  test("takes the text as it is", () => {
    expect(key({ LIBSODIUM_KEY: " a key\n" })).toBe(" a key\n");
  });

  test("prefers the text to the file", () => {
    expect(key({ LIBSODIUM_KEY: "text", LIBSODIUM_KEY_PATH: "/k" }, Buffer.from("file"))).toBe(
      "text",
    );
  });

  test("takes white space off both ends of a file, and nothing else", () => {
    const trimmed = (file: Uint8Array) => key({ LIBSODIUM_KEY_PATH: "/k" }, file);
    expect(trimmed(Buffer.from("\t\r\n a key \n\n"))).toBe("a key");
    expect(trimmed(Buffer.from("\u00a0\u2003key\u3000\u0085", "utf8"))).toBe("key");
    // Any bytes may be a key: these are no UTF-8, and none of them is white space.
    const binary = Buffer.from("fffe00c2a1e28081b0ff", "hex");
    expect(trimmed(binary)).toBe(binary.toString("latin1"));
  });

  test.each([
    [{ LIBSODIUM_KEY: "" }, "LIBSODIUM_KEY: the key is empty"],
    [{ LIBSODIUM_KEY_PATH: "/k" }, "LIBSODIUM_KEY_PATH=/k: the key is empty"],
  ])("refuses an empty key: %j", (settings, message) => {
    expect(() => key(settings as Record<string, string>)).toThrow(ConfigError);
    expect(() => key(settings as Record<string, string>)).toThrow(message);
  });

  test("refuses a file that cannot be read, and names it", () => {
    const read = () => readKey(mapSettings({ LIBSODIUM_KEY_PATH: "/nonexistent/key" }), NAMES);
    expect(read).toThrow(ConfigError);
    expect(read).toThrow("LIBSODIUM_KEY_PATH=/nonexistent/key: cannot be read (ENOENT)");
  });
});
