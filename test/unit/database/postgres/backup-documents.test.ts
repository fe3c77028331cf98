// The documents of a backup come in WAL-G's order and agree with each other: the same facts in
// metadata.json and in the sentinel, exact past 2^53.
import { expect, test } from "vitest";
import { encodeSentinel } from "../../../../src/catalog/sentinel.ts";
import {
  type BackupFacts,
  describeBackup,
} from "../../../../src/database/postgres/backup-documents.ts";
import { parseLsn } from "../../../../src/delta/lsn.ts";
import { bytesSource, collect } from "../../../../src/stream/byte-stream.ts";

const NEVER = new AbortController().signal;
const FACTS: BackupFacts = {
  startedAt: new Date("2026-01-02T03:04:05.120Z"),
  finishedAt: new Date("2026-01-02T03:05:00.500Z"),
  startLsn: parseLsn("200001/2000028"),
  increment: undefined,
  finishLsn: parseLsn("200001/2000130"),
  pgVersion: 170_005,
  pageGuard: undefined,
  systemIdentifier: 18_446_744_073_709_551_557n,
  hostname: "db1",
  dataDir: "/var/lib/pg/data",
  isPermanent: true,
  userData: { n: 9_007_199_254_740_993n },
  uncompressedBytes: 30_812_345,
  compressedBytes: 4_123_456,
  dataCatalogBytes: 30_912_345,
  tablespaces: undefined,
  filesMetadata: bytesSource("{}"),
};

async function textsOf(facts: BackupFacts) {
  const { documents, sentinel } = describeBackup(facts);
  const texts: [string, string][] = [];
  for (const { name, content } of documents) {
    const bytes = await collect(content.open(NEVER), 1e6);
    texts.push([name, new TextDecoder().decode(bytes)]);
  }
  return { texts, sentinel: encodeSentinel(sentinel) };
}

test("metadata.json comes first, then files_metadata.json", async () => {
  const { texts } = await textsOf(FACTS);
  expect(texts.map(([name]) => name)).toEqual(["metadata.json", "files_metadata.json"]);
  const without = await textsOf({ ...FACTS, filesMetadata: undefined });
  expect(without.texts.map(([name]) => name)).toEqual(["metadata.json"]);
  expect(without.sentinel).toContain('"FilesMetadataDisabled":true');
});

test("both say the same, to the last digit", async () => {
  const { texts, sentinel } = await textsOf(FACTS);
  const metadata = texts[0]?.[1] ?? "";
  const pairs = [
    ["system_identifier", "SystemIdentifier", "18446744073709551557"],
    ["start_lsn", "LSN", "9007203583262760"],
    ["finish_lsn", "FinishLSN", "9007203583263024"],
    ["pg_version", "PgVersion", "170005"],
    ["start_time", "StartTime", '"2026-01-02T03:04:05.12Z"'],
    ["finish_time", "FinishTime", '"2026-01-02T03:05:00.5Z"'],
    ["is_permanent", "IsPermanent", "true"],
    ["uncompressed_size", "UncompressedSize", "30812345"],
    ["compressed_size", "CompressedSize", "4123456"],
    ["user_data", "UserData", '{"n":9007199254740993}'],
    ["hostname", "Hostname", '"db1"'],
    ["data_dir", "DataDir", '"/var/lib/pg/data"'],
  ];
  for (const [inMetadata, inSentinel, value] of pairs) {
    expect(metadata).toContain(`"${inMetadata}":${value}`);
    expect(sentinel).toContain(`"${inSentinel}":${value}`);
  }
  expect(sentinel).toContain('"DataCatalogSize":30912345');
  expect(sentinel).not.toContain("Delta");
});

test("nothing is said that is not known", async () => {
  const facts = { ...FACTS, userData: undefined, dataCatalogBytes: 0, isPermanent: false };
  const { texts, sentinel } = await textsOf(facts);
  expect(texts[0]?.[1]).not.toContain("user_data");
  for (const key of ["UserData", "DataCatalogSize", "Spec"]) expect(sentinel).not.toContain(key);
  expect(sentinel).toContain('"IsPermanent":false');
});
