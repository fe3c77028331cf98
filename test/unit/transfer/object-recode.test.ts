// Proves that objects change their encryption on the way, in each combination, that what is there
// is compared by what it says, and that nothing is replaced unless told to.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import type { Cipher } from "../../../src/cipher/cipher.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect, compose } from "../../../src/stream/byte-stream.ts";
import { recodeObject } from "../../../src/transfer/object-recode.ts";
import { aesCipher } from "../../support/aes-cipher.ts";
import { keysOf, recordingLogger } from "../../support/memory-repository.ts";
import { pageLike } from "../../support/sample-bytes.ts";

const KEY = toObjectKey("wal_005/x.zst");
const { signal } = new AbortController();
const CONTENT = pageLike(100_000, 1);
const OLD = aesCipher(new Uint8Array(32).fill(1));
const NEW = aesCipher(new Uint8Array(32).fill(2));

async function setUp(stored: Cipher | undefined) {
  const [from, to] = [new MemoryDriver(SYSTEM_CLOCK), new MemoryDriver(SYSTEM_CLOCK)];
  const plain = bytesSource(CONTENT);
  const body =
    stored === undefined
      ? plain
      : {
          sizeBytes: undefined,
          replayable: true,
          open: (stop: AbortSignal) => compose(plain.open(stop), stored.encrypt),
        };
  await from.put(KEY, body, { ifAbsent: true, signal });
  const recode = async (decrypt?: Cipher, encrypt?: Cipher, mayReplace = false) => {
    const way = {
      from,
      to,
      rules: { mayReplace, trustsSizes: false },
      retriesMax: 0,
      clock: SYSTEM_CLOCK,
      log: recordingLogger().log,
    };
    const source = await from.stat(KEY, signal);
    const target = await to.stat(KEY, signal).catch(() => undefined);
    return await recodeObject(way, { source, target }, { decrypt, encrypt, signal });
  };
  const there = async (cipher?: Cipher) => {
    const bytes = await to.get(KEY, { signal });
    return Buffer.from(await collect(cipher === undefined ? bytes : cipher.decrypt(bytes), 1e9));
  };
  return { to, recode, there };
}

test.each([
  ["decrypts", OLD, OLD, undefined],
  ["encrypts", undefined, undefined, NEW],
  ["gives another key", OLD, OLD, NEW],
] as const)("%s, and finds it there again", async (_what, stored, decrypt, encrypt) => {
  const { recode, there } = await setUp(stored);
  expect(await recode(decrypt, encrypt)).toBe("copied");
  expect(Buffer.compare(await there(encrypt), CONTENT)).toBe(0);
  expect(await recode(decrypt, encrypt)).toBe("present");
});

test("leaves other content unless told to replace it", async () => {
  const { to, recode, there } = await setUp(OLD);
  await to.put(KEY, bytesSource("another"), { ifAbsent: true, signal });
  await expect(recode(OLD)).rejects.toMatchObject({ code: "object-exists" });
  expect((await there()).toString()).toBe("another");
  expect(await recode(OLD, undefined, true)).toBe("replaced");
  expect(Buffer.compare(await there(), CONTENT)).toBe(0);
});

test("a wrong key stores nothing", async () => {
  const { to, recode } = await setUp(OLD);
  await expect(recode(NEW, OLD)).rejects.toThrow();
  expect(await keysOf(to)).toEqual([]);
});
