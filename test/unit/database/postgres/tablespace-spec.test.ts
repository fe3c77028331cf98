// Proves that tablespaces are read strictly, from a sentinel and from the user's file.
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../../src/base/errors.ts";
import { printJson } from "../../../../src/base/json.ts";
import {
  encodeTablespaceSpec,
  parseRestoreSpec,
} from "../../../../src/database/postgres/tablespace-spec.ts";

const TEXT =
  '{"16400":{"loc":"/mnt/ts1","link":"pg_tblspc/16400"},"base_prefix":"/data","tablespaces":["16400"]}';

describe("a tablespace spec", () => {
  test("survives decoding and encoding", () => {
    const spec = parseRestoreSpec(TEXT, "spec.json");
    expect(spec).toEqual({
      basePrefix: "/data",
      tablespaces: [{ name: "16400", location: "/mnt/ts1", link: "pg_tblspc/16400" }],
    });
    expect(printJson(encodeTablespaceSpec(spec), { escaping: "go" })).toBe(TEXT);
  });

  test("loses slashes at the end of paths", () => {
    const text = TEXT.replace("/mnt/ts1", "/mnt/ts1//").replace("/data", "/data/");
    expect(parseRestoreSpec(text, "spec.json")).toEqual(parseRestoreSpec(TEXT, "spec.json"));
  });

  test("may be empty", () => {
    const spec = parseRestoreSpec('{"base_prefix":"/d","tablespaces":[]}', "x");
    expect(spec.tablespaces).toEqual([]);
    expect(printJson(encodeTablespaceSpec(spec), { escaping: "go" })).toBe(
      '{"base_prefix":"/d","tablespaces":[]}',
    );
  });

  test.each([
    ["{", "not valid JSON"],
    ["[]", "not an object"],
    ['{"tablespaces":[]}', "base_prefix is missing"],
    ['{"base_prefix":"/d"}', "tablespaces is missing"],
    ['{"base_prefix":"/d","tablespaces":[16400]}', "tablespaces is not a list of texts"],
    ['{"base_prefix":"/d","tablespaces":["16400"]}', "16400 is missing"],
    ['{"base_prefix":"/d","tablespaces":["1"],"1":{"loc":"/x"}}', "link is missing"],
    ['{"base_prefix":"/d","tablespaces":["1"],"1":{"link":"x"}}', "loc is missing"],
    ['{"base_prefix":"/d","tablespaces":["1","1"],"1":{"loc":"/x","link":"y"}}', "names one twice"],
  ])("is refused as the user's mistake when it is %s", (text, message) => {
    expect(() => parseRestoreSpec(text, "spec.json")).toThrow(UsageError);
    expect(() => parseRestoreSpec(text, "spec.json")).toThrow("spec.json");
    expect(() => parseRestoreSpec(text, "spec.json")).toThrow(message);
  });
});
