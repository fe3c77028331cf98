// Proves the choice of engine, and that both engines refuse what is damaged and read each
// other's frames.
import { describe, expect, test } from "vitest";
import { openZstdEngine } from "../../../src/codec/zstd-engine.ts";
import { pageLike } from "../../support/sample-bytes.ts";

describe("zstd engines", () => {
  test.each([
    ["auto", "builtin"],
    ["builtin", "builtin"],
    ["addon", "addon"],
  ] as const)("%s is the %s engine", async (choice, name) => {
    expect((await openZstdEngine(choice)).name).toBe(name);
  });

  test("read each other's frames", async () => {
    const plain = pageLike(200_000, 1);
    const [builtin, addon] = [await openZstdEngine("builtin"), await openZstdEngine("addon")];
    expect(Buffer.compare(await addon.decompress(await builtin.compress(plain, 3)), plain)).toBe(0);
    expect(Buffer.compare(await builtin.decompress(await addon.compress(plain, 3)), plain)).toBe(0);
  });

  test.each(["builtin", "addon"] as const)("%s takes views of larger memory", async (choice) => {
    const engine = await openZstdEngine(choice);
    const memory = pageLike(50_000, 2);
    const plain = memory.subarray(1000, 31_000);
    const frame = await engine.compress(plain, 3);
    const shifted = Buffer.concat([Buffer.from("before"), frame]).subarray(6);
    expect(Buffer.compare(await engine.decompress(shifted), plain)).toBe(0);
  });

  test.each(["builtin", "addon"] as const)("%s compresses more at a higher level", async (name) => {
    const engine = await openZstdEngine(name);
    const plain = pageLike(300_000, 3);
    const fast = await engine.compress(plain, 1);
    const best = await engine.compress(plain, 11);
    expect(best.byteLength).toBeLessThan(fast.byteLength);
  });
});
