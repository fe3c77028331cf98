// Proves which storage the settings choose, how its name and root come about, and every refusal.
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { openStorage } from "../../../src/storage/registry.ts";
import { bytesSource } from "../../../src/stream/byte-stream.ts";
import { mapSettings } from "../../support/map-settings.ts";
import { makeScratch } from "../../support/scratch.ts";

const NEVER = new AbortController().signal;

function setup() {
  const lines: string[] = [];
  const log = createLogger("debug", (level, message) => void lines.push(`${level} ${message}`));
  return { options: { budget: new ByteBudget(1 << 26), log, clock: SYSTEM_CLOCK }, lines };
}

function open(values: Readonly<Record<string, string>>) {
  return openStorage(mapSettings(values), setup().options);
}

describe("openStorage", () => {
  test("without any prefix names the keys to set", async () => {
    await expect(open({})).rejects.toThrow(ConfigError);
    await expect(open({})).rejects.toMatchObject({
      hint: expect.stringContaining("WALG_S3_PREFIX"),
    });
  });

  test.each(["SWIFT_PREFIX", "OSS_PREFIX"])("%s is refused as not there yet", async (key) => {
    await expect(open({ [key]: "x://bucket/path" })).rejects.toThrow(`${key}: this storage`);
  });

  test("a URL opens the storage of its scheme", async () => {
    using scratch = makeScratch("registry");
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "eu-west-1" };
    const s3 = await open({ STORAGE_URL: "s3://b/p", STORAGE_PREFIX: "x", ...keys });
    expect(s3.name).toBe("s3://b/p/x");
    const file = await open({ STORAGE_URL: `file://${scratch.path}` });
    expect(file.name).toBe(`file://${scratch.path}`);
    const ssh = await open({ STORAGE_URL: "sftp://u@h:2222/p", SSH_PASSWORD: "x" });
    expect(ssh.name).toBe("ssh://u@h:2222/p");
    await expect(open({ STORAGE_URL: "swift://c/p" })).rejects.toThrow("SWIFT_PREFIX");
  });

  test("takes S3 before a directory, as WAL-G does", async () => {
    using scratch = makeScratch("registry");
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "eu-west-1" };
    const driver = await open({ S3_PREFIX: "s3://b/p/", FILE_PREFIX: scratch.path, ...keys });
    expect(driver.name).toBe("s3://b/p");
    const below = await open({ S3_PREFIX: "s3://b", STORAGE_PREFIX: "/x/y/", ...keys });
    expect(below.name).toBe("s3://b/x/y");
  });

  test("opens Google Cloud Storage after a directory, and asks it for nothing", async () => {
    const driver = await open({ GS_PREFIX: "gs://b/p/", STORAGE_PREFIX: "sub" });
    expect(driver.name).toBe("gs://b/p/sub");
    await expect(open({ GS_PREFIX: "s3://b/p" })).rejects.toThrow("GS_PREFIX");
  });

  test("opens Azure Blob Storage after that, and asks it for nothing", async () => {
    const account = { AZURE_STORAGE_ACCOUNT: "backups", AZURE_STORAGE_ACCESS_KEY: "c2VjcmV0" };
    const driver = await open({ AZ_PREFIX: "azure://c/p/", STORAGE_PREFIX: "sub", ...account });
    expect(driver.name).toBe("azure://c/p/sub");
    await expect(open({ AZ_PREFIX: "azure://c/p" })).rejects.toThrow("AZURE_STORAGE_ACCOUNT");
  });

  test.each(["", "file://", "file://localhost"])("opens a directory by %s/path", async (scheme) => {
    using scratch = makeScratch("registry");
    const { options, lines } = setup();
    const settings = { FILE_PREFIX: `${scheme}${scratch.path}/`, STORAGE_PREFIX: "sub" };
    const driver = await openStorage(mapSettings(settings), options);
    expect(driver.name).toBe(`file://${scratch.path}/sub`);
    const key = toObjectKey("a/b");
    await driver.put(key, bytesSource("x"), { ifAbsent: true, signal: NEVER });
    expect(await Bun.file(`${scratch.path}/sub/a/b`).text()).toBe("x");
    expect(lines).toEqual([`debug ${driver.name}: put`]);
  });

  test("a directory that is not there is an error, and is not made", async () => {
    using scratch = makeScratch("registry");
    await expect(open({ FILE_PREFIX: `${scratch.path}/absent` })).rejects.toThrow(ConfigError);
    expect(await Bun.file(`${scratch.path}/absent`).exists()).toBe(false);
    await expect(open({ FILE_PREFIX: "relative/path" })).rejects.toThrow("absolute");
    await expect(open({ FILE_PREFIX: scratch.path, STORAGE_PREFIX: "../up" })).rejects.toThrow(
      ConfigError,
    );
  });
});
