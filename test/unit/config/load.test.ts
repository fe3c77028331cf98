// Proves precedence, defaults by personality, warnings and refusals of the loaded settings, with
// real files in a scratch home.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  defaultSettings,
  type LoadedSettings,
  loadSettings,
  readOutsideSettings,
} from "../../../src/config/load.ts";
import { canonicalName } from "../../../src/config/setting.ts";
import type { Environment } from "../../../src/config/sources.ts";
import { SETTINGS } from "../../../src/config/table.ts";

const home = mkdtempSync(join(tmpdir(), "tidemark-home-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const homeFile = join(home, ".walg.json");
writeFileSync(homeFile, JSON.stringify({ WALG_SLOTNAME: "home", PGHOST: "from-home" }));

interface Given {
  readonly environment?: Environment;
  readonly flags?: readonly (readonly [string, string])[];
  readonly configPath?: string;
  readonly home?: string;
  readonly isWalg?: boolean;
  readonly isStrict?: boolean;
}

function load(given: Given): LoadedSettings {
  const environment = given.environment ?? {};
  const outside = readOutsideSettings({
    environment,
    configPath: given.configPath,
    home: () => given.home,
  });
  const { flags = [], isWalg = false, isStrict = false } = given;
  return loadSettings({ outside, flags, isWalg, isStrict });
}

test("lets flags win over environment over file over default", () => {
  const path = join(home, "order.yaml");
  writeFileSync(path, "WALG_SLOTNAME: file\n");
  const environment = { WALG_SLOTNAME: "environment" };
  const flags = [["WALG_SLOTNAME", "flag"]] as const;
  const at = (given: Given) => {
    const { settings } = load(given);
    return [settings.text("SLOTNAME"), settings.origin("SLOTNAME")];
  };
  expect(at({ configPath: path, environment, flags })).toEqual(["flag", "flag"]);
  expect(at({ configPath: path, environment })).toEqual(["environment", "environment"]);
  expect(at({ configPath: path })).toEqual(["file", "file"]);
  expect(at({ configPath: path, environment: { WALG_SLOTNAME: "" } })).toEqual(["file", "file"]);
  expect(at({})).toEqual(["walg", "default"]);
});

test("takes an empty path of the file as none given", () => {
  for (const environment of [{}, { WALG_CONFIG_PATH: "" }]) {
    const { settings } = load({ configPath: "", environment, home });
    expect(settings.configPath).toBe(homeFile);
    expect(settings.text("SLOTNAME")).toBe("home");
  }
});

test("takes further storages that are none", () => {
  expect(load({ environment: { WALG_FAILOVER_STORAGES: " {} " } }).warnings).toEqual([]);
  const path = join(home, "no-failover.json");
  for (const none of [{}, "", null]) {
    writeFileSync(path, JSON.stringify({ WALG_FAILOVER_STORAGES: none }));
    expect(load({ configPath: path }).warnings).toEqual([]);
  }
});

test.each(["SENTINEL_USER_DATA", "FETCH_TARGET_USER_DATA", "DELTA_FROM_USER_DATA"])(
  "takes %s as a map of the file",
  (key) => {
    const path = join(home, "user-data.json");
    writeFileSync(path, `{"WALG_${key}": {"day": "monday", "id": 12345678901234567890}}`);
    expect(load({ configPath: path }).settings.text(key)).toBe(
      '{"day":"monday","id":12345678901234567890}',
    );
  },
);

test("lets a WALE_ variable win over a TIDEMARK_ key of the file: the source comes first", () => {
  const path = join(home, "prefix.yaml");
  writeFileSync(path, "TIDEMARK_S3_PREFIX: s3://file\n");
  const { settings } = load({ configPath: path, environment: { WALE_S3_PREFIX: "s3://env" } });
  expect(settings.text("S3_PREFIX")).toBe("s3://env");
});

test("finds the file by flag, then variable, then in the home", () => {
  const named = join(home, "named.json");
  writeFileSync(named, '{"WALG_SLOTNAME": "named"}');
  const path = (given: Given) => load(given).settings.configPath;
  const variable = { WALG_CONFIG_PATH: named };
  expect(path({ configPath: homeFile, environment: variable, home })).toBe(homeFile);
  expect(path({ environment: variable, home })).toBe(named);
  expect(path({ environment: { ...variable, TIDEMARK_CONFIG_PATH: homeFile } })).toBe(homeFile);
  expect(path({ home })).toBe(homeFile);
  expect(path({ home: "" })).toBeUndefined();
  expect(path({})).toBeUndefined();
  expect(load({ home }).settings.text("PGHOST")).toBe("from-home");
});

test("knows the file that was read by its absolute path, for other directories", () => {
  const named = relative(process.cwd(), homeFile);
  for (const given of [{ configPath: named }, { environment: { WALG_CONFIG_PATH: named } }]) {
    const { settings } = load(given);
    expect(settings.text("CONFIG_PATH")).toBe(homeFile);
    expect(settings.childEnvironment()["WALG_CONFIG_PATH"]).toBe(homeFile);
  }
  expect(load({ home }).settings.text("CONFIG_PATH")).toBe(homeFile);
  expect(load({}).settings.text("CONFIG_PATH")).toBeUndefined();
});

test("fails on a named file that is not there, and not on a home without one", () => {
  expect(() => load({ configPath: join(home, "absent.yaml") })).toThrow("does not exist");
  expect(() => load({ environment: { WALG_CONFIG_PATH: join(home, "absent.yaml") } })).toThrow(
    "does not exist",
  );
  expect(load({ home: join(home, "nowhere") }).warnings).toEqual([]);
});

test("differs in defaults between the two names of the program", () => {
  expect(load({}).settings.text("COMPRESSION_METHOD")).toBe("zstd");
  expect(load({ isWalg: true }).settings.text("COMPRESSION_METHOD")).toBe("lz4");
  expect(defaultSettings(true, {}).text("COMPRESSION_METHOD")).toBe("lz4");
});

test("warns once of unknown keys with the nearest known one, and fails under --strict", () => {
  const environment = { WALG_S3_PREFX: "s3://a" };
  expect(load({ environment }).warnings).toEqual([
    "WALG_S3_PREFX is unknown (environment); did you mean WALG_S3_PREFIX?",
  ]);
  expect(() => load({ environment, isStrict: true })).toThrow("WALG_S3_PREFX is unknown");
});

test("warns of different values under two names without telling them", () => {
  const { warnings } = load({
    environment: {
      WALG_LIBSODIUM_KEY: "first secret key",
      WALE_LIBSODIUM_KEY: "second secret key",
    },
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("WALG_LIBSODIUM_KEY is used");
  expect(warnings[0]).not.toContain("secret key");
});

test.each(SETTINGS.filter(({ status }) => status === "missing").map(canonicalName))(
  "refuses %s instead of going on without it",
  (name) => {
    const setting = SETTINGS.find((each) => canonicalName(each) === name);
    const environment = { [name]: setting?.example };
    expect(() => load({ environment })).toThrow(`${name} (environment) asks for`);
    expect(() => load({ flags: [[name, "x"]] })).toThrow(`${name} (flag) asks for`);
  },
);

test.each(["WALG_SWIFT_PREFIX", "WALE_OSS_PREFIX", "WALE_GPG_KEY_ID", "GPG_KEY_ID"])(
  "%s is among them",
  (name) => {
    expect(() => load({ environment: { [name]: "x" } })).toThrow(name);
  },
);

test("refuses a misspelt cipher in a file, and names the file", () => {
  const path = join(home, "typo.yaml");
  writeFileSync(path, "WALG_PGP_KEY_PAHT: /etc/key\n");
  expect(() => load({ configPath: path })).toThrow(
    `WALG_PGP_KEY_PAHT (file ${path}) is unknown, and asks for an encryption`,
  );
});

test("accepts retired keys silently, whatever they hold", () => {
  const environment = { WALG_SERIALIZER_TYPE: "x", GOMAXPROCS: "many", HTTP_LISTEN: ":80" };
  expect(load({ environment, isStrict: true }).warnings).toEqual([]);
});

test("checks each given value, of whatever source", () => {
  expect(() => load({ environment: { WALG_UPLOAD_CONCURRENCY: "0" } })).toThrow(
    'WALG_UPLOAD_CONCURRENCY is "0", which is not a whole number of at least 1',
  );
  expect(() => load({ flags: [["TIDEMARK_ARCHIVE_TIMEOUT", "60"]] })).toThrow(
    'TIDEMARK_ARCHIVE_TIMEOUT is "60", which is not a duration',
  );
});
