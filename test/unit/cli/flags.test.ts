// Proves that words are read as cobra reads them and that every value stays text as typed.
import { expect, test } from "vitest";
import { parseFlags } from "../../../src/cli/flags.ts";
import type { OptionSpec } from "../../../src/command/command.ts";

const OPTIONS: readonly OptionSpec[] = [
  { name: "permanent", short: "p", kind: "flag", summary: "" },
  { name: "full", short: "f", kind: "flag", summary: "" },
  { name: "verify", short: "v", kind: "flag", summary: "", setting: "VERIFY_PAGE_CHECKSUMS" },
  { name: "name", short: "n", kind: "text", summary: "", setting: "DELTA_FROM_NAME" },
  { name: "target-time", kind: "text", summary: "" },
  { name: "only", kind: "list", summary: "" },
];

const parse = (...words: string[]) => parseFlags(words, OPTIONS);

test.each([
  "000000010000000000000007",
  "10000000000000000000",
  "0/16B3748",
  "2019",
  "2024-01-01T00:00:00.000000001+05:30",
  "1e3",
  "007",
  "true",
  "",
])("keeps %j as text in every form", (value) => {
  expect(parse("--name", value).options.text("name")).toBe(value);
  expect(parse(`--name=${value}`).options.text("name")).toBe(value);
  expect(parse("-n", value).options.text("name")).toBe(value);
  expect(parse(`-n=${value}`).options.text("name")).toBe(value);
  if (value !== "") expect(parse(`-n${value}`).options.text("name")).toBe(value);
  expect(parse(value).arguments).toEqual([value]);
});

test("lets flags and arguments alternate, and ends flags at --", () => {
  const { arguments: words, options } = parse("/x", "--full", "/y", "-n", "b", "--", "-p", "--z");
  expect(words).toEqual(["/x", "/y", "-p", "--z"]);
  expect(options.flag("full")).toBe(true);
  expect(options.flag("permanent")).toBe(false);
  expect(options.text("name")).toBe("b");
});

test("takes a single dash and a word that follows a flag for arguments", () => {
  expect(parse("-", "--full", "false").arguments).toEqual(["-", "false"]);
});

test("gives an option the next word even when it looks like a flag", () => {
  expect(parse("--name", "--full").options.text("name")).toBe("--full");
  expect(parse("-n", "--").options.text("name")).toBe("--");
});

test("reads joined short flags, the last of which may take a value", () => {
  const { options } = parse("-pfnbase");
  expect(options.flag("permanent") && options.flag("full")).toBe(true);
  expect(options.text("name")).toBe("base");
  expect(parse("-pf=false").options.flag("full")).toBe(false);
});

test.each([
  ["--full", true],
  ["--full=true", true],
  ["--full=1", true],
  ["--full=T", true],
  ["--full=false", false],
  ["--full=0", false],
  ["--full=F", false],
])("reads %s", (word, value) => {
  expect(parse(word).options.flag("full")).toBe(value);
});

test("lets the last of repeated flags win, and adds up lists", () => {
  expect(parse("--full", "--full=false").options.flag("full")).toBe(false);
  expect(parse("-n", "a", "-n", "b").options.text("name")).toBe("b");
  expect(
    parse("--only", "a,b", '--only="c,d",e""'.replace('e""', "e")).options.list("only"),
  ).toEqual(["a", "b", "c,d", "e"]);
  expect(parse("--only=").options.list("only")).toEqual([]);
  expect(parse('--only="say ""hi""",').options.list("only")).toEqual(['say "hi"', ""]);
  expect(() => parse('--only=a"b')).toThrow("a quote is out of place");
});

test("gives undefined, false or nothing for what was not typed", () => {
  const { options } = parse();
  expect(options.text("name")).toBeUndefined();
  expect(options.flag("full")).toBe(false);
  expect(options.list("only")).toEqual([]);
});

test.each([
  ["--walg-s3-prefix=s3://b", "WALG_S3_PREFIX", "s3://b"],
  ["--tidemark-s3-prefix=s3://b", "TIDEMARK_S3_PREFIX", "s3://b"],
  ["--wale-s3-prefix=s3://b", "WALE_S3_PREFIX", "s3://b"],
  ["--pghost=/run", "PGHOST", "/run"],
  ["--walg-delta-max-steps=3", "WALG_DELTA_MAX_STEPS", "3"],
  ["--pg-ready-rename=true", "PG_READY_RENAME", "true"],
  ["--walg-redis-cluster-conf-path=/x", "WALG_REDIS_CLUSTER_CONF_PATH", "/x"],
])("takes %s for a setting", (word, name, value) => {
  expect(parse(word).settings).toEqual([[name, value]]);
  const [flag = "", text = ""] = word.split(/=(.*)/);
  expect(parse(flag, text).settings).toEqual([[name, value]]);
});

test("puts the setting of a command's own option last, where it wins", () => {
  expect(parse("--name", "own", "--walg-delta-from-name=key", "--verify").settings).toEqual([
    ["WALG_DELTA_FROM_NAME", "key"],
    ["TIDEMARK_VERIFY_PAGE_CHECKSUMS", "true"],
    ["TIDEMARK_DELTA_FROM_NAME", "own"],
  ]);
  expect(parse("--verify=false").settings).toEqual([["TIDEMARK_VERIFY_PAGE_CHECKSUMS", "false"]]);
});

test.each([
  [["--nope-nope-nope"], "unknown flag: --nope-nope-nope"],
  [["-x"], "unknown shorthand flag: 'x' in -x"],
  [["-px"], "unknown shorthand flag: 'x' in -px"],
  [["--name"], "flag needs an argument: --name"],
  [["-n"], "flag needs an argument: 'n' in -n"],
  [["--pghost"], "flag needs an argument: --pghost"],
  [
    ["--full=maybe"],
    'invalid argument "maybe" for "-f, --full" flag: strconv.ParseBool: parsing "maybe": ' +
      "invalid syntax",
  ],
])("refuses %j", (words, message) => {
  expect(() => parse(...words)).toThrow(message);
});

test("names the nearest flag, of the command or of a setting", () => {
  expect(() => parse("--permanet")).toThrow(
    expect.objectContaining({ hint: "Did you mean --permanent?" }),
  );
  expect(() => parse("--walg-s3-prefx=x")).toThrow(
    expect.objectContaining({ hint: "Did you mean --walg-s3-prefix?" }),
  );
});
