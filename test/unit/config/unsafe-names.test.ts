// Proves that unknown names of ciphers and missing storages are errors, that every such name of
// the table would be one with a letter wrong, and that other unknown names are none.
import { expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { namesOf } from "../../../src/config/setting.ts";
import { environmentSource, fileSource } from "../../../src/config/sources.ts";
import { findSetting, SETTINGS } from "../../../src/config/table.ts";
import { ENCRYPTION_SETTINGS } from "../../../src/config/table-encryption.ts";
import { isOursBare, refuseUnsafeName } from "../../../src/config/unsafe-names.ts";

function refuse(name: string): void {
  refuseUnsafeName({ name, nearest: undefined }, "environment");
}

test.each([
  "WALG_PGP_KEY_PAHT",
  "WALG_PPG_KEY_PATH",
  "TIDEMARK_PG_KEY",
  "WALE_GPG_KEYID",
  "WALG_GPG_KEY",
  "WALG_CSE_KMS_IDS",
  "WALG_ENVELOPE_AGE_KEY",
  "WALG_LIBSODIUM_KEYFILE",
  "WALG_S3_SSE_KMS_KEY",
  "YC_KMS_KEY_ID",
  "CSE_KMS_KEY",
])("%s asks for an encryption", (name) => {
  expect(() => refuse(name)).toThrow(ConfigError);
  expect(() => refuse(name)).toThrow(
    `${name} (environment) is unknown, and asks for an encryption`,
  );
});

test.each(["WALG_SWIFT_CONTAINER", "OSS_BUCKET", "WALE_OSS_PREFX", "YC_FOLDER", "WALG_YC_TOKEN"])(
  "%s asks for a storage",
  (name) => {
    expect(() => refuse(name)).toThrow("asks for a storage that is not supported");
  },
);

test.each(["WALG_S3_PREFX", "WALG_FOO", "WALG_PG_KEEPALIVE", "WALG_MONGODB_URI", "SPLIT_GPGX"])(
  "%s is only unknown",
  (name) => {
    expect(() => refuse(name)).not.toThrow();
  },
);

test("no letter of a cipher's name can be lost unnoticed", () => {
  for (const name of ENCRYPTION_SETTINGS.settings.flatMap(namesOf)) {
    for (let at = name.indexOf("_") + 1; at < name.length; at++) {
      const typo = name.slice(0, at) + name.slice(at + 1);
      if (findSetting(typo) === undefined) expect(() => refuse(typo), typo).toThrow(ConfigError);
    }
  }
});

test("the hint names the setting that is near", () => {
  const unknown = { name: "WALG_PGP_KEY_PAHT", nearest: "WALG_PGP_KEY_PATH" };
  const hint = expect.stringContaining("Did you mean WALG_PGP_KEY_PATH?");
  expect(() => refuseUnsafeName(unknown, "file x")).toThrow(expect.objectContaining({ hint }));
});

test("bare names count in the environment where WAL-G reads them so, and all in a file", () => {
  const environment = { YC_CSE_KMS_KEY: "x", CSE_KMS_KEY: "x", GPG_TTY: "/dev/tty", PATH: "/bin" };
  const names = environmentSource(environment).unknown.map(({ name }) => name);
  expect(names).toEqual(["YC_CSE_KMS_KEY", "CSE_KMS_KEY"]);
  const inFile = fileSource(new Map(Object.entries({ PGP_KEY_PAHT: "x" }))).unknown;
  expect(inFile.map(({ name }) => name)).toEqual(["PGP_KEY_PAHT"]);
  expect(() => refuse("PGP_KEY_PAHT")).toThrow("asks for an encryption");
  expect(SETTINGS.flatMap(namesOf).filter(isOursBare).length).toBeGreaterThan(3);
});
