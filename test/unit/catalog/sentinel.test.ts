// Proves that sentinels keep every field and digit, and that increments are told from full backups.
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../src/base/errors.ts";
import { toBackupName } from "../../../src/catalog/backup-name.ts";
import { decodeSentinel, encodeSentinel, incrementLink } from "../../../src/catalog/sentinel.ts";

const NAME = toBackupName("base_000000010000000000000002");
const KEY = "basebackups_005/x_backup_stop_sentinel.json";
const decode = (text: string) =>
  decodeSentinel(NAME, "postgres", { key: KEY, bytes: new TextEncoder().encode(text) });

describe("sentinels", () => {
  test("are printed as they were read, unknown fields and large numbers included", () => {
    const text = '{"SystemIdentifier":7711557189575262075,"Later":{"x":[1,"\\u003c"]},"LSN":null}';
    expect(encodeSentinel(decode(text).document)).toBe(text);
  });

  test.each(["", "[]", "{", '{"a":1}x', "\u00ff"])("refuse %j and name the object", (text) => {
    expect(() => decode(text)).toThrow(CorruptObjectError);
    expect(() => decode(text)).toThrow(KEY);
  });

  test("name the parent and the full backup of an increment", () => {
    const text = '{"DeltaFrom":"base_B_D_A","DeltaFullName":"base_A","DeltaCount":2}';
    expect(incrementLink(decode(text))).toEqual({
      parent: "base_B_D_A",
      full: "base_A",
      depth: 2,
    });
  });

  test.each(['{"LSN":1}', '{"DeltaFrom":""}', '{"DeltaFrom":null,"DeltaCount":0}'])(
    "take %s for a full backup",
    (text) => expect(incrementLink(decode(text))).toBeUndefined(),
  );

  test.each([
    '{"DeltaFrom":"base_A"}',
    '{"DeltaFrom":"base_A","DeltaFullName":"base_A"}',
    '{"DeltaFrom":"base_A","DeltaFullName":"base_A","DeltaCount":-1}',
    '{"DeltaFrom":7,"DeltaFullName":"base_A","DeltaCount":1}',
  ])("refuse %s, which is half an increment", (text) => {
    expect(() => incrementLink(decode(text))).toThrow(CorruptObjectError);
  });
});
