// Proves that storages are found by name, and that doubts about them are told, or refused.
import { expect, test } from "vitest";
import { GLOBAL_OPTIONS } from "../../../src/command/global-options.ts";
import { namedStorage, storagesOf } from "../../../src/command/storages.ts";
import { testInvocation } from "../../support/invocation.ts";

function invocation(own: object, words: readonly string[] = []) {
  const environment = { WALG_FAILOVER_STORAGES: JSON.stringify({ second: own }) };
  return testInvocation({ options: GLOBAL_OPTIONS }, { environment, words });
}

test("finds a storage by its name in any case", () => {
  const given = invocation({ WALG_FILE_PREFIX: "/second" });
  expect(storagesOf(given).map(({ name }) => name)).toEqual(["default", "second"]);
  expect(namedStorage(given, "SECOND").settings.text("FILE_PREFIX")).toBe("/second");
  expect(() => namedStorage(given, "third")).toThrow("available storages: [default second]");
  expect(given.logged).toEqual([]);
});

test("tells what is unknown, or refuses it where it is told to be strict", () => {
  const given = invocation({ AWS_REGIN: "x" });
  storagesOf(given);
  expect(given.logged).toEqual([
    "warning AWS_REGIN is unknown (FAILOVER_STORAGES, second); did you mean AWS_REGION?",
  ]);
  expect(() => storagesOf(invocation({ AWS_REGIN: "x" }, ["--strict"]))).toThrow("AWS_REGIN");
});
