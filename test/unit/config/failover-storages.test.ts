// Proves which settings a failover storage sees, how storages are named and in what order, and that
// mistakes in their maps are errors or warnings, by maps in all forms that a file can have.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readStorages, unknownStorage } from "../../../src/config/failover-storages.ts";
import { loadSettings, readOutsideSettings } from "../../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-failovers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(environment: Readonly<Record<string, string>>, configPath?: string) {
  const outside = readOutsideSettings({ environment, configPath, home: () => undefined });
  const { settings } = loadSettings({ outside, flags: [], isWalg: false, isStrict: false });
  return readStorages(settings, { isWalg: false });
}

function readMap(map: unknown, environment: Readonly<Record<string, string>> = {}) {
  return read({ ...environment, WALG_FAILOVER_STORAGES: JSON.stringify(map) });
}

const YAML = `
WALG_FILE_PREFIX: /mnt/first
WALG_FAILOVER_STORAGES:
  SECOND:
    wale_s3_prefix: s3://bucket/path
    AWS_S3_FORCE_PATH_STYLE: true
    S3_MAX_RETRIES: 3
    S3_REQUEST_ADDITIONAL_HEADERS: {X-A: b}
`;
const TOML = `
WALG_FILE_PREFIX = "/mnt/first"
[WALG_FAILOVER_STORAGES.SECOND]
WALE_S3_PREFIX = "s3://bucket/path"
AWS_S3_FORCE_PATH_STYLE = true
S3_MAX_RETRIES = 3
[WALG_FAILOVER_STORAGES.SECOND.S3_REQUEST_ADDITIONAL_HEADERS]
X-A = "b"
`;
const JSON_TEXT = `{
  "walg_file_prefix": "/mnt/first",
  "walg_failover_storages": {"SECOND": {
    "WALE_S3_PREFIX": "s3://bucket/path", "AWS_S3_FORCE_PATH_STYLE": true, "S3_MAX_RETRIES": 3,
    "S3_REQUEST_ADDITIONAL_HEADERS": {"X-A": "b"}
  }}
}`;

test.each([
  ["yaml", YAML],
  ["toml", TOML],
  ["json", JSON_TEXT],
])("reads storages of a %s file", (extension, text) => {
  const path = join(folder, `config.${extension}`);
  writeFileSync(path, text);
  const { storages, warnings } = read({}, path);
  expect(warnings).toEqual([]);
  expect(storages.map(({ name }) => name)).toEqual(["default", "second"]);
  const [first, second] = storages;
  expect(first?.settings.text("FILE_PREFIX")).toBe("/mnt/first");
  expect(second?.settings.text("FILE_PREFIX")).toBeUndefined();
  expect(second?.settings.text("S3_PREFIX")).toBe("s3://bucket/path");
  expect(second?.settings.flag("AWS_S3_FORCE_PATH_STYLE")).toBe(true);
  expect(second?.settings.whole("S3_MAX_RETRIES")).toBe(3);
  expect(second?.settings.text("S3_REQUEST_ADDITIONAL_HEADERS")).toBe('{"X-A":"b"}');
});

test("gives a storage its own settings, and of the others those without a prefix", () => {
  const second = { WALG_S3_PREFIX: "s3://second", AWS_REGION: "own" };
  const { storages } = readMap(
    { second },
    {
      WALG_S3_PREFIX: "s3://first",
      AWS_REGION: "outside",
      AWS_ENDPOINT: "http://outside",
      WALG_S3_STORAGE_CLASS: "COLD",
      TIDEMARK_SSH_KNOWN_HOSTS: "/known",
      WALG_STORAGE_PREFIX: "cluster-1",
      WALG_UPLOAD_CONCURRENCY: "3",
      WALG_TARGET_STORAGE: "second",
      WALG_LIBSODIUM_KEY: "of all storages",
    },
  );
  const { settings } = storages[1] ?? {};
  const seen = ["S3_PREFIX", "AWS_REGION", "AWS_ENDPOINT", "STORAGE_PREFIX", "UPLOAD_CONCURRENCY"];
  expect(seen.map((key) => settings?.text(key))).toEqual([
    "s3://second",
    "own",
    "http://outside",
    "cluster-1",
    "3",
  ]);
  for (const key of ["SSH_KNOWN_HOSTS", "TARGET_STORAGE", "LIBSODIUM_KEY"]) {
    expect(settings?.text(key)).toBeUndefined();
  }
  expect(settings?.text("S3_STORAGE_CLASS")).toBe("STANDARD");
});

test("has WAL-G's order, and one storage where none is added", () => {
  const own = { WALG_FILE_PREFIX: "/x" };
  const names = readMap({ b: own, "a-b": own, A: own }).storages.map(({ name }) => name);
  expect(names).toEqual(["default", "a", "a-b", "b"]);
  for (const map of [{}, undefined]) {
    const storages = map === undefined ? read({}).storages : readMap(map).storages;
    expect(storages.map(({ name }) => name)).toEqual(["default"]);
  }
});

test("knows a storage again as long as it is the same, by nothing secret", () => {
  const prints = (own: object, environment = {}) =>
    readMap({ second: own }, environment).storages.map(({ fingerprint }) => fingerprint);
  const own = { WALG_S3_PREFIX: "s3://second", AWS_SECRET_ACCESS_KEY: "hush" };
  const before = prints(own);
  expect(prints(own, { S3_STORAGE_CLASS: "STANDARD" })).toEqual(before);
  expect(prints({ ...own, AWS_SECRET_ACCESS_KEY: "other" })).toEqual(before);
  expect(prints({ ...own, WALG_S3_PREFIX: "s3://other" })[1]).not.toBe(before[1]);
  expect(prints(own, { WALG_STORAGE_PREFIX: "p" })[0]).not.toBe(before[0]);
});

test.each([
  [{ default: {} }, /"default" is not a name for a failover storage/],
  [{ ALL: {} }, /"all" is not a name/],
  [{ "": {} }, /is not a name/],
  [{ a: {}, A: {} }, /two storages have the name "a"/],
  [{ a: "s3://x" }, /FAILOVER_STORAGES, a: not a map of settings/],
  [{ a: { WALG_COMPRESSION_METHOD: "lz4" } }, /COMPRESSION_METHOD is not a setting of one storage/],
  [{ a: { WALG_STORAGE_PREFIX: "x" } }, /STORAGE_PREFIX is not a setting of one storage/],
  [{ a: { WALG_LIBSODIUM_KEY: "x" } }, /LIBSODIUM_KEY is not a setting of one storage/],
  [{ a: { WALG_SWIFT_PREFIX: "swift://x" } }, /asks for a storage that is not supported yet/],
  [{ a: { S3_MAX_RETRIES: "many" } }, /S3_MAX_RETRIES is "many", which is not a whole number/],
  [{ a: { AWS_REGION: ["x"] } }, /a: the value of AWS_REGION would not be kept/],
])("refuses %j", (map, message) => {
  expect(() => readMap(map)).toThrow(message);
});

test("warns of names that nobody knows and of contradictions", () => {
  const { warnings } = readMap({
    a: { FILE_PREFIX: "/x", S3_SSE: "a", WALG_S3_SSE: "b", AWS_REGION: null },
  });
  expect(warnings).toEqual([
    expect.stringContaining(
      "FILE_PREFIX is unknown (FAILOVER_STORAGES, a); did you mean WALG_FILE_PREFIX?",
    ),
    expect.stringContaining("WALG_S3_SSE and S3_SSE are set to different values"),
  ]);
});

test("says which storages there are", () => {
  const { storages } = readMap({ second: {} });
  expect(unknownStorage("x", storages).message).toBe(
    'storage with name "x" is not found, available storages: [default second]',
  );
});
