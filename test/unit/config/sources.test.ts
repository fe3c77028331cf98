// Proves which value of one source counts, which names are unknown, and what conflicts are told.
import { expect, test } from "vitest";
import {
  environmentSource,
  fileSource,
  flagSource,
  type SettingSource,
} from "../../../src/config/sources.ts";

function value(source: SettingSource, key: string): string | undefined {
  return source.values.get(key)?.value;
}

test("prefers TIDEMARK_ to WALG_ to WALE_ to no prefix, whatever the order", () => {
  const names = ["TIDEMARK_AWS_REGION", "WALG_AWS_REGION", "WALE_AWS_REGION", "AWS_REGION"];
  for (const [index, best] of names.entries()) {
    const given = names.slice(index).map((name): [string, string] => [name, `of ${name}`]);
    for (const entries of [given, given.toReversed()]) {
      const source = environmentSource(Object.fromEntries(entries));
      expect(source.values.get("AWS_REGION")).toMatchObject({ name: best, value: `of ${best}` });
    }
  }
});

test("tells conflicts by name only, and none when the values agree", () => {
  const conflict = environmentSource({ WALG_S3_PREFIX: "s3://a", WALE_S3_PREFIX: "s3://b" });
  expect(conflict.conflicts).toEqual([{ used: "WALG_S3_PREFIX", ignored: "WALE_S3_PREFIX" }]);
  expect(value(conflict, "S3_PREFIX")).toBe("s3://a");
  const agreed = environmentSource({ WALG_S3_PREFIX: "s3://a", WALE_S3_PREFIX: "s3://a" });
  expect(agreed.conflicts).toEqual([]);
});

test("takes an empty variable for not set, so that it hides nothing", () => {
  const source = environmentSource({
    TIDEMARK_S3_PREFIX: "",
    WALG_S3_PREFIX: "s3://a",
    PGHOST: "",
  });
  expect(value(source, "S3_PREFIX")).toBe("s3://a");
  expect(source.values.has("PGHOST")).toBe(false);
  expect(source.conflicts).toEqual([]);
});

test("cuts the newline that a secret from a file ends with, and nothing else", () => {
  const source = environmentSource({ WALG_LIBSODIUM_KEY: " key \r\n\n", WALG_SLOTNAME: "\r\n" });
  expect(value(source, "LIBSODIUM_KEY")).toBe(" key ");
  expect(source.values.has("SLOTNAME")).toBe(false);
});

test("calls only names with our prefixes unknown in the environment", () => {
  const source = environmentSource({ PATH: "/bin", WALG_S3_PREFX: "x", WALE_XYZZY_PLUGH_QUX: "y" });
  expect(source.unknown).toEqual([
    { name: "WALG_S3_PREFX", nearest: "WALG_S3_PREFIX" },
    { name: "WALE_XYZZY_PLUGH_QUX", nearest: undefined },
  ]);
});

test("calls every unknown name in a file unknown", () => {
  const source = fileSource(new Map([["FOO_BAR_BAZ_QUUX", "x"]]));
  expect(source.unknown.map(({ name }) => name)).toEqual(["FOO_BAR_BAZ_QUUX"]);
});

test("takes the maps of the keys that are maps, and refuses others", () => {
  const map = { second: { FILE_PREFIX: "/mnt" } };
  const source = fileSource(new Map([["WALG_FAILOVER_STORAGES", map]]));
  expect(JSON.parse(value(source, "FAILOVER_STORAGES") ?? "")).toEqual(map);
  const headers = fileSource(new Map([["S3_REQUEST_ADDITIONAL_HEADERS", { A: "b" }]]));
  expect(value(headers, "S3_REQUEST_ADDITIONAL_HEADERS")).toBe('{"A":"b"}');
  expect(() => fileSource(new Map([["WALG_S3_PREFIX", map]]))).toThrow(
    "WALG_S3_PREFIX in the configuration file is a map",
  );
});

test("lets the last of equal flags win", () => {
  const source = flagSource([
    ["PGHOST", "a"],
    ["PGHOST", "b"],
  ]);
  expect(value(source, "PGHOST")).toBe("b");
  expect(source.conflicts).toEqual([]);
});
