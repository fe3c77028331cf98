// Proves when further storages count as configured.
import { expect, test } from "vitest";
import { hasFailovers, PRIMARY_STORAGE } from "../../../src/config/primary-storage.ts";

test("counts what names a storage", () => {
  const has = (map: string | undefined) => hasFailovers({ text: () => map });
  expect([undefined, "{}", " { } "].map(has)).toEqual([false, false, false]);
  expect(has('{"a": {}}')).toBe(true);
  expect(PRIMARY_STORAGE).toBe("default");
});
