// Proves the native engine against libsodium's own interface.
import { describe, expect, test } from "vitest";
import { defined } from "../../../src/base/assert.ts";
import { openAddonEngine } from "../../../src/cipher/secretstream-addon.ts";
import { testSecretStreamEngine } from "./secretstream-engine.suite.ts";

describe("addon engine", () => {
  const open = async () => defined(await openAddonEngine(), "addon");

  test("says what it is", async () => {
    expect((await open()).name).toBe("addon");
  });

  testSecretStreamEngine(open);
});
