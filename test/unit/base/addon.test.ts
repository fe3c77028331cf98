// Proves that each native addon of this machine loads through a memory file, with its functions
// working, and that what is no addon is an error that names it; on the real addons.
import { describe, expect, test } from "vitest";
import { AddonError, loadAddon } from "../../../src/base/addon.ts";
import { sodiumAddonPath, zstdAddonPath } from "../../../src/base/addon-files.ts";
import { defined } from "../../../src/base/assert.ts";

describe("loadAddon", () => {
  test("gives the functions of the zstd addon", async () => {
    const addon = await loadAddon("zstd", defined(await zstdAddonPath(), "zstd addon"));
    expect(addon).toMatchObject({
      compress: expect.any(Function),
      decompress: expect.any(Function),
    });
  });

  test("gives the functions of the sodium addon", async () => {
    const addon = await loadAddon("sodium", defined(await sodiumAddonPath(), "sodium addon"));
    expect(addon).toMatchObject({
      crypto_secretstream_xchacha20poly1305_push: expect.any(Function),
    });
  });

  test("loads an addon once and never gives one for another", async () => {
    const zstdPath = defined(await zstdAddonPath(), "zstd addon");
    const zstd = await loadAddon("zstd", zstdPath);
    const sodium = await loadAddon("sodium", defined(await sodiumAddonPath(), "sodium addon"));
    expect(sodium).not.toBe(zstd);
    expect(sodium).not.toHaveProperty("compress");
    expect(await loadAddon("zstd", zstdPath)).toBe(zstd);
  });

  test.each([
    ["a file that is no addon", import.meta.filename],
    ["an absent file", "/nonexistent/zstd.node"],
  ])("refuses %s and names the addon", async (_what, path) => {
    const error = await loadAddon("zstd", path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AddonError);
    expect(error).toMatchObject({ message: "native addon zstd cannot be loaded" });
    expect(error).toHaveProperty("cause");
  });
});
