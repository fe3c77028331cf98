// Proves which storage the settings name: WAL-G's order of prefixes, a URL in place of any of them,
// and that what leaves it open, or holds a password, is refused without telling the password.
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { chooseStorage } from "../../../src/storage/choice.ts";
import { mapSettings } from "../../support/map-settings.ts";

const KINDS = [
  { key: "S3_PREFIX", schemes: ["s3"] },
  { key: "FILE_PREFIX", schemes: ["file"] },
  { key: "SSH_PREFIX", schemes: ["ssh", "sftp"] },
];

function choose(values: Readonly<Record<string, string>>) {
  return chooseStorage(mapSettings(values), KINDS);
}

function errorOf(values: Readonly<Record<string, string>>): ConfigError {
  try {
    choose(values);
  } catch (error) {
    if (error instanceof ConfigError) return error;
  }
  throw new Error("nothing was refused");
}

describe("chooseStorage", () => {
  test("takes the first of the prefixes, and none where none is set", () => {
    expect(choose({})).toBeUndefined();
    expect(choose({ SSH_PREFIX: "ssh://h/x", S3_PREFIX: "s3://b" })?.kind.key).toBe("S3_PREFIX");
    expect(choose({ SSH_PREFIX: "ssh://h/x" })?.kind.key).toBe("SSH_PREFIX");
  });

  test.each([
    ["s3://bucket/path", "S3_PREFIX"],
    ["file:///mnt/x", "FILE_PREFIX"],
    ["ssh://u@host:22/x", "SSH_PREFIX"],
    ["sftp://host/x", "SSH_PREFIX"],
  ])("%s stands for %s, and every other setting stays", (url, key) => {
    const values = { STORAGE_URL: url, STORAGE_PREFIX: "x", A: "1", B: "true" };
    const chosen = choose(values);
    expect(chosen?.kind.key).toBe(key);
    expect(chosen?.settings.text(key)).toBe(url);
    expect(chosen?.settings.text("STORAGE_PREFIX")).toBe("x");
    expect(chosen?.settings.whole("A")).toBe(1);
    expect(chosen?.settings.durationMs("A")).toBe(1);
    expect(chosen?.settings.flag("B")).toBe(true);
  });

  test("refuses a URL beside a prefix, also of the same storage", () => {
    for (const prefix of ["S3_PREFIX", "FILE_PREFIX"]) {
      const error = errorOf({ STORAGE_URL: "s3://b/p", [prefix]: "s3://b/p" });
      expect(error.message).toBe(`STORAGE_URL and ${prefix} are both set`);
    }
  });

  test.each(["/mnt/x", "http://host/x", "bucket", "s3:/b", "S3://b", ""])("refuses %j", (url) => {
    const error = errorOf({ STORAGE_URL: url });
    expect(error.message).toContain("is not the URL of a storage");
    expect(error.hint).toContain("s3://, file://, ssh://, sftp://");
  });

  test("refuses a password in a URL, and does not repeat it", () => {
    for (const values of [
      { STORAGE_URL: "ssh://u:secret@host/x" },
      { SSH_PREFIX: "ssh://u:secret@host/x" },
      { S3_PREFIX: "s3://key:secret@bucket/x" },
    ]) {
      const error = errorOf(values);
      expect(error.message).toContain("holds a password");
      expect(`${error.message} ${error.hint}`).not.toContain("secret");
    }
    // A colon and an at sign further on are a path's.
    expect(choose({ FILE_PREFIX: "file:///a:b@c" })?.kind.key).toBe("FILE_PREFIX");
  });
});
