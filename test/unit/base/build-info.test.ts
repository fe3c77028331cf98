// Proves that the program says so when it runs from source; the compiled one's facts are looked at
// in test/e2e/binary-image.test.ts.
import { expect, test } from "vitest";
import { BUILD_INFO } from "../../../src/base/build-info.ts";

test("run from source there is no version, revision or date to claim", () => {
  expect(BUILD_INFO).toEqual({ version: "0.0.0-source", revision: "", date: "" });
});
