// Proves that answers about names have a limit of time, and content has none.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { MemoryDriver } from "../../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../../src/storage/object-key.ts";
import { answerWithin, bounded } from "../../../../src/storage/wrap/bounded.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const { signal } = new AbortController();
const KEY = toObjectKey("a");
const OPTIONS = { ifAbsent: false, signal };

/** Never answers: rejects when it is told to stop. */
function never(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (stop.aborted) reject(stop.reason);
    stop.addEventListener("abort", () => reject(stop.reason), { once: true });
  });
}

class HangingDriver extends MemoryDriver {
  override stat(_key: unknown, stop: AbortSignal): Promise<never> {
    return never(stop);
  }
  override listFolder(_folder: string, stop: AbortSignal): Promise<never> {
    return never(stop);
  }
  override async *list(_prefix: string, options: { readonly signal: AbortSignal }) {
    yield { key: KEY, sizeBytes: 1, modifiedAt: new Date(0) };
    await never(options.signal);
  }
}

async function keys(driver: ReturnType<typeof bounded>, stop = signal): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of driver.list("", { signal: stop })) found.push(key);
  return found;
}

test("gives up on a storage that hangs", async () => {
  const driver = bounded(new HangingDriver(SYSTEM_CLOCK), 20);
  const late = { code: "storage", message: expect.stringContaining("no answer within 0.02 s") };
  await expect(driver.stat(KEY, signal)).rejects.toMatchObject(late);
  await expect(driver.listFolder("", signal)).rejects.toMatchObject(late);
  await expect(keys(driver)).rejects.toMatchObject(late);
});

test("an interruption stays one", async () => {
  const driver = bounded(new HangingDriver(SYSTEM_CLOCK), 60_000);
  const stop = new AbortController();
  const waiting = [driver.stat(KEY, stop.signal), keys(driver, stop.signal)];
  stop.abort(new Error("stopped"));
  for (const each of waiting) await expect(each).rejects.toThrow("stopped");
});

test("gives on answers, errors and content", async () => {
  const driver = bounded(new MemoryDriver(SYSTEM_CLOCK), 1000);
  await expect(driver.stat(KEY, signal)).rejects.toThrow("not found");
  await driver.put(KEY, bytesSource("x"), OPTIONS);
  expect((await driver.stat(KEY, signal)).sizeBytes).toBe(1);
  expect(await keys(driver)).toEqual(["a"]);
  expect((await driver.listFolder("", signal)).objects).toHaveLength(1);
  expect(await collect(await driver.get(KEY, { signal }), 10)).toHaveLength(1);
  await driver.delete([KEY], signal);
  await driver.close();
  const limit = { storage: "x:", timeoutMs: 1000, signal };
  expect(await answerWithin(limit, async () => 7)).toBe(7);
});
