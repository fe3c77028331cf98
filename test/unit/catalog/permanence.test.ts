// A backup is marked by rewriting one document: everything else in it stays, to the last digit.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../src/base/clock.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { markPermanent } from "../../../src/catalog/permanence.ts";
import { MemoryDriver } from "../../../src/storage/memory/driver.ts";
import { toObjectKey } from "../../../src/storage/object-key.ts";
import { bytesSource, collect } from "../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;
const NAME = toBackupName("base_000000010000000000000002");
const KEY = toObjectKey(`basebackups_005/${NAME}/metadata.json`);
const TEXT =
  '{"start_time":"2026-01-02T03:04:05.123457Z","start_lsn":18446744073709551615,' +
  '"is_permanent":false,"system_identifier":7301234567890123457,' +
  '"user_data":{"b":"\\u003c","a":9007199254740993},"later":[1.5,null]}';

async function repositoryWith(text: string) {
  const driver = new MemoryDriver(SYSTEM_CLOCK);
  await driver.put(KEY, bytesSource(text), { ifAbsent: false, signal: NEVER });
  const read = async () => {
    const bytes = await collect(await driver.get(KEY, { signal: NEVER }), 1 << 20);
    return new TextDecoder().decode(bytes);
  };
  return { driver, read };
}

test("only the mark changes", async () => {
  const { driver, read } = await repositoryWith(TEXT);
  expect(await markPermanent(driver, NAME, NEVER)).toBe("marked");
  expect(await read()).toBe(TEXT.replace('"is_permanent":false', '"is_permanent":true'));
});

test("a marked one is not written again", async () => {
  const { driver } = await repositoryWith(TEXT.replace("false", "true"));
  const put = () => {
    throw new Error("nothing is to be written");
  };
  const get = driver.get.bind(driver);
  expect(await markPermanent({ get, put }, NAME, NEVER)).toBe("was-marked");
});

test("one without the document cannot be marked, a damaged one is an error", async () => {
  expect(await markPermanent(new MemoryDriver(SYSTEM_CLOCK), NAME, NEVER)).toBeUndefined();
  const { driver } = await repositoryWith('{"is_permanent":"no"}');
  await expect(markPermanent(driver, NAME, NEVER)).rejects.toThrow("is_permanent");
});
