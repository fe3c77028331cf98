// Proves that each format of configuration file keeps values as text, and that a broken file is an
// error that names file and place; with real files in a scratch folder.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError } from "../../../src/base/errors.ts";
import { findHomeFile, readConfigFile } from "../../../src/config/file.ts";

const folder = mkdtempSync(join(tmpdir(), "tidemark-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function faultOf(path: string): ConfigError {
  try {
    readConfigFile(path);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`${path} was read without an error`);
}

const SAME: readonly (readonly [string, string])[] = [
  [
    "a.json",
    '{"walg_s3_prefix": "s3://b/p", "WALG_DELTA_MAX_STEPS": 7, "WALG_USE_WAL_DELTA": true}',
  ],
  ["a.yaml", "WALG_S3_PREFIX: s3://b/p\nWALG_DELTA_MAX_STEPS: 7\nWALG_USE_WAL_DELTA: true\n"],
  ["a.yml", "walg_s3_prefix: 's3://b/p'\nWALG_DELTA_MAX_STEPS: '7'\nWALG_USE_WAL_DELTA: true\n"],
  ["a.toml", 'WALG_S3_PREFIX = "s3://b/p"\nWALG_DELTA_MAX_STEPS = 7\nWALG_USE_WAL_DELTA = true\n'],
  [
    "a.env",
    '# comment\nexport WALG_S3_PREFIX="s3://b/p" # end\nWALG_DELTA_MAX_STEPS=7\n' +
      "WALG_USE_WAL_DELTA=true\n",
  ],
  [
    "a.properties",
    "! comment\nWALG_S3_PREFIX: s3://b/p\nWALG_DELTA_MAX_STEPS = 7\nWALG_USE_WAL_DELTA=true\n",
  ],
  [
    "a.ini",
    "; comment\n[storage]\nWALG_S3_PREFIX = s3://b/p\nWALG_DELTA_MAX_STEPS = 7\n" +
      "WALG_USE_WAL_DELTA = true\n",
  ],
];

test.each(SAME)("reads %s", (name, text) => {
  expect([...readConfigFile(written(name, text))].sort()).toEqual([
    ["WALG_DELTA_MAX_STEPS", "7"],
    ["WALG_S3_PREFIX", "s3://b/p"],
    ["WALG_USE_WAL_DELTA", "true"],
  ]);
});

test("keeps names, LSNs, times and long numbers as they are written", () => {
  const json = written(
    "exact.json",
    '{"A": "000000010000000000000007", "B": 12345678901234567890, "C": 10485760, "D": 1.50}',
  );
  expect(Object.fromEntries(readConfigFile(json))).toEqual({
    A: "000000010000000000000007",
    B: "12345678901234567890",
    C: "10485760",
    D: "1.50",
  });
  const yaml = written("exact.yaml", "A: 0/16B3748\nB: 2024-01-01T00:00:00Z\nC: '00000001'\nD:\n");
  expect(Object.fromEntries(readConfigFile(yaml))).toEqual({
    A: "0/16B3748",
    B: "2024-01-01T00:00:00Z",
    C: "00000001",
  });
});

test.each([
  ["long.yaml", "WALG_DELTA_FROM_NAME: 000000010000000000000007\n"],
  ["list.json", '{"WALG_DELTA_FROM_NAME": ["x"]}'],
  ["array.toml", "WALG_DELTA_FROM_NAME = [1]\n"],
])("refuses a value in %s that it could not keep exactly", (name, text) => {
  const fault = faultOf(written(name, text));
  expect(fault.message).toContain("WALG_DELTA_FROM_NAME would not be kept exactly");
  expect(fault.hint).toContain("in quotes");
});

test("lets the later of two equal keys win, and keeps maps", () => {
  const path = written("map.json", '{"A": "1", "a": "2", "M": {"x": {"y": "z"}}}');
  expect(Object.fromEntries(readConfigFile(path))).toEqual({ A: "2", M: { x: { y: "z" } } });
});

test("reads a file that begins with a byte order mark", () => {
  expect(readConfigFile(written("bom.json", '\uFEFF{"A": "1"}')).get("A")).toBe("1");
});

test.each([
  ["broken.json", '{\n  "A": "1"\n  "B": "2"\n}', "line 3, column 3"],
  ["cut.json", '{\n  "A": "1",', "line 2, column 12"],
  ["array.json", "[1]", "line 1, column 1"],
  ["broken.yaml", "A: 1\nB: [1,\nC: 2\n", "line 2"],
  ["scalar.yaml", "just text\n", "line 1"],
  ["broken.toml", 'A = "1"\nB = \nC = "2"\n', "line 2"],
  ["broken.env", "A=1\nB 2\n", "line 2, column 1"],
])("names file and place when %s does not parse", (name, text, place) => {
  const path = written(name, text);
  const fault = faultOf(path);
  expect(fault.message).toContain(path);
  expect(fault.message).toContain(place);
  expect(fault.code).toBe("config");
});

test("names no value of a file that does not parse", () => {
  const text = '{"WALG_LIBSODIUM_KEY": "a very secret key of the repository"\n"B": 1}';
  expect(faultOf(written("secret.json", text)).message).not.toContain("secret key");
});

test("refuses HCL and absent files", () => {
  expect(faultOf(written("a.hcl", "A = 1")).message).toContain("HCL");
  expect(faultOf(join(folder, "absent.json")).message).toContain("does not exist");
  expect(faultOf(join(folder, "absent.conf")).message).toContain("does not exist");
});

test.each([
  ["json.conf", '\n{"A": "x", "B": 1e2}'],
  ["yaml.conf", "A: x\nB: 100\n"],
  ["quoted", 'A: "x" # said\nB: 100\n'],
  ["lines", "# comment\nexport A='x'\nB=100\n"],
  ["walg.prod", "[section]\nA = x\nB = 100\n"],
])("finds the format of %s by what is in it", (name, text) => {
  const values = Object.fromEntries(readConfigFile(written(name, text)));
  expect({ A: values["A"], B: values["B"] }).toEqual({ A: "x", B: "100" });
});

test.each([
  ["number.conf", "A: 1.50\n", "one thing as YAML and another as KEY=value"],
  ["nested.conf", "A: x\nM:\n  y: z\n", "one thing as YAML and another as KEY=value"],
  ["comment", "A: x # said\n", "one thing as YAML and another as KEY=value"],
  ["broken.conf", '{"A": "x"\n"B": 1}', "does not parse: unexpected"],
  ["words.conf", "A=1\njust words\n", "line 2, column 1"],
])("refuses %s, whose format is not certain or broken", (name, text, part) => {
  const path = written(name, text);
  const fault = faultOf(path);
  expect(fault.message).toContain(path);
  expect(fault.message).toContain(part);
});

test("writes whole numbers of JSON, YAML and TOML as WAL-G does", () => {
  const wanted = { A: "100000000", B: "10485760", C: "1.5", D: "0.001" };
  const json = '{"A": 1e8, "B": 10485760.0, "C": 1.5, "D": 0.001}';
  expect(Object.fromEntries(readConfigFile(written("n.json", json)))).toEqual(wanted);
  const yaml = "A: 1e8\nB: 10485760.0\nC: 1.5\nD: 0.001\n";
  expect(Object.fromEntries(readConfigFile(written("n.yaml", yaml)))).toEqual(wanted);
  const toml = "A = 1e8\nB = 10485760.0\nC = 1.5\nD = 0.001\n";
  expect(Object.fromEntries(readConfigFile(written("n.toml", toml)))).toEqual(wanted);
});

test("keeps numbers within a map as numbers, with every digit", () => {
  const path = written("deep.json", '{"A": 7, "M": {"n": 12345678901234567890, "l": [1.5, "2"]}}');
  expect(Object.fromEntries(readConfigFile(path))).toEqual({
    A: "7",
    M: { n: 12345678901234567890n, l: [1.5, "2"] },
  });
});

test.each(["json", "yaml", "toml", "env", "conf"])("takes an empty .%s as no settings", (type) => {
  expect(readConfigFile(written(`empty.${type}`, "\n")).size).toBe(0);
  expect(readConfigFile(written(`none.${type}`, "")).size).toBe(0);
});

test("takes a file of comments as no settings", () => {
  expect(readConfigFile(written("comments.yaml", "# nothing\n")).size).toBe(0);
  expect(readConfigFile(written("comments.conf", "# nothing\n")).size).toBe(0);
});

test("finds our own file in the home before WAL-G's, and json before yaml", () => {
  expect(findHomeFile(folder)).toBeUndefined();
  const yaml = written(".walg.yaml", "A: 1\n");
  expect(findHomeFile(folder)).toBe(yaml);
  const json = written(".walg.json", "{}");
  expect(findHomeFile(folder)).toBe(json);
  const own = written(".tidemark.toml", "");
  expect(findHomeFile(folder)).toBe(own);
});
