// Proves that each sentinel that WAL-G wrote for the fixtures is decoded and encoded back byte for
// byte, and that the documents of its earlier releases are understood.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CorruptObjectError } from "../../../../src/base/errors.ts";
import { toBackupName } from "../../../../src/catalog/backup-name.ts";
import { decodeSentinel, encodeSentinel } from "../../../../src/catalog/sentinel.ts";
import {
  decodePostgresSentinel,
  encodePostgresSentinel,
  inlineFilesMetadata,
} from "../../../../src/database/postgres/sentinel-document.ts";

const GOLDEN = "test/golden/sentinel";
const SUFFIX = "_backup_stop_sentinel.json";
const WRITTEN = readdirSync(GOLDEN, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(SUFFIX))
  .sort();

function read(text: string) {
  const bytes = new TextEncoder().encode(text);
  return decodeSentinel(toBackupName("base_X"), "postgres", { key: "the key", bytes });
}

const decode = (text: string) => decodePostgresSentinel(read(text));

describe("the sentinel of PostgreSQL", () => {
  test.each(WRITTEN)("%s survives decoding and encoding", (path) => {
    const text = readFileSync(`${GOLDEN}/${path}`, "utf8");
    expect(encodeSentinel(encodePostgresSentinel(decode(text)))).toBe(text);
  });

  test("is known for all fixtures", () => {
    expect(WRITTEN.length).toBe(31);
  });

  test("says what an increment builds on", () => {
    const path = "pg14-wal-delta/base_000000010000000000000030_D_000000010000000000000019";
    const sentinel = decode(readFileSync(`${GOLDEN}/${path}${SUFFIX}`, "utf8"));
    expect(sentinel).toMatchObject({
      startLsn: 805306408n,
      finishLsn: 805306624n,
      increment: {
        parent: "base_000000010000000000000019_D_000000010000000000000002",
        full: "base_000000010000000000000002",
        depth: 2,
        sinceLsn: 419430616n,
      },
      systemIdentifier: 7711556561450412299n,
      version: 2,
    });
  });

  test("writes tablespaces in byte order, and OrioleDB's numbers where there are some", () => {
    const facts = decode('{"LSN":1,"FinishLSN":2}');
    const tablespaces = {
      basePrefix: "/data",
      tablespaces: [
        { name: "9999", location: "/b", link: "pg_tblspc/9999" },
        { name: "16384", location: "/a", link: "pg_tblspc/16384" },
      ],
    };
    const document = { ...facts, tablespaces, checkpointNumber: 7n, parentCheckpointNumber: 6n };
    const text = encodeSentinel(encodePostgresSentinel(document));
    expect(text).toContain(
      '"Spec":{"16384":{"loc":"/a","link":"pg_tblspc/16384"},"9999":{"loc":"/b",' +
        '"link":"pg_tblspc/9999"},"base_prefix":"/data","tablespaces":["9999","16384"]}',
    );
    expect(text).toContain('"ChkpNum":7,"DeltaChkpNum":6,');
    expect(decode(text).tablespaces).toEqual(tablespaces);
  });

  test("keeps user data to the digit, keys sorted, escaped as by Go", () => {
    const facts = decode('{"UserData":{"b":12345678901234567,"a":"<&>"}}');
    expect(encodeSentinel(encodePostgresSentinel(facts))).toContain(
      '"UserData":{"a":"\\u003c\\u0026\\u003e","b":12345678901234567}',
    );
    expect(encodeSentinel(encodePostgresSentinel(decode('{"UserData":null}')))).not.toContain(
      "UserData",
    );
  });

  test("of release 1 has DeltaFromLSN and its files inline", () => {
    const text =
      '{"LSN":7,"DeltaFromLSN":5,"DeltaFrom":"base_A","DeltaFullName":"base_A","DeltaCount":1,' +
      '"PgVersion":100001,"FinishLSN":8,"Files":{"/a":{}},"TarFileSets":{"part_1.tar.lz4":["/a"]}}';
    expect(decode(text)).toMatchObject({
      increment: { parent: "base_A", sinceLsn: 5n },
      version: 0,
      startTime: undefined,
      hostname: "",
    });
    expect(inlineFilesMetadata(read(text))).toEqual({
      Files: { "/a": {} },
      TarFileSets: { "part_1.tar.lz4": ["/a"] },
    });
    expect(inlineFilesMetadata(read('{"LSN":7}'))).toBeUndefined();
  });

  test("of release 2 has a literal null for Spec", () => {
    expect(decode('{"Spec":null}').tablespaces).toBeUndefined();
  });

  test("of WAL-E has a lower-case spec and no LSN", () => {
    const text =
      '{"LSN":null,"spec":{"base_prefix":"/d/","tablespaces":["1"],' +
      '"1":{"loc":"/t/","link":"pg_tblspc/1"}}}';
    expect(decode(text)).toMatchObject({
      startLsn: undefined,
      finishLsn: undefined,
      tablespaces: {
        basePrefix: "/d",
        tablespaces: [{ name: "1", location: "/t", link: "pg_tblspc/1" }],
      },
    });
  });

  test("of a catchup backup names no parent", () => {
    const text = '{"DeltaFrom":"","DeltaFullName":"","DeltaCount":1,"DeltaLSN":7}';
    expect(decode(text).increment).toBeUndefined();
  });

  test.each([
    '{"LSN":"0/2000028"}',
    '{"LSN":-1}',
    '{"LSN":18446744073709551616}',
    '{"PgVersion":"15"}',
    '{"DeltaFrom":"base_A","DeltaFullName":"base_A","DeltaCount":1}',
    '{"DeltaFrom":"base_A","DeltaLSN":1,"DeltaCount":1}',
    '{"DeltaFrom":"base_A","DeltaLSN":1,"DeltaFullName":"base_A"}',
    '{"StartTime":"2026-02-30T00:00:00Z"}',
    '{"Spec":{"tablespaces":[]}}',
    '{"Spec":{"base_prefix":"/d","tablespaces":["1"]}}',
    '{"IsPermanent":1}',
  ])("is refused when it is %s", (text) => {
    expect(() => decode(text)).toThrow(CorruptObjectError);
    expect(() => decode(text)).toThrow("sentinel of base_X");
  });
});
