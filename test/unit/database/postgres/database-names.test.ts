// Rows of the catalog become relations, and rows that are not such rows are refused.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import type { Logger } from "../../../../src/base/log.ts";
import {
  collectDatabaseNames,
  decodeRelation,
} from "../../../../src/database/postgres/database-names.ts";
import { DatabaseError } from "../../../../src/database/postgres/wire/server-error.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

const ROW: readonly (string | null)[] = ["16390", "public", "t", "r", "16391", "f", null];

/** The row with another value in one column. */
function rowWith(index: number, value: string | null): readonly (string | null)[] {
  return ROW.with(index, value);
}

test("a table, its file and its parents", () => {
  const table = { oid: 16390, name: "public.t", relfilenode: 16391, mayHaveChildren: false };
  expect(decodeRelation(ROW)).toEqual({ ...table, parents: [] });
  expect(decodeRelation(rowWith(5, "t"))).toMatchObject({ mayHaveChildren: true });
  expect(decodeRelation(rowWith(6, "1 4294967295"))).toEqual({
    ...table,
    parents: [1, 4_294_967_295],
  });
});

test.each([
  ["p", 0],
  ["f", undefined],
  ["I", undefined],
  ["r", undefined],
] as const)("without a file, kind %s: %s", (kind, relfilenode) => {
  const row = [...ROW.slice(0, 3), kind, null, ...ROW.slice(5)];
  expect(decodeRelation(row).relfilenode).toBe(relfilenode);
});

test.each([
  ["no OID", rowWith(0, null)],
  ["an OID that is none", rowWith(0, "1x")],
  ["no schema", rowWith(1, null)],
  ["no name", rowWith(2, null)],
  ["a file that is no number", rowWith(4, "-1")],
  ["parents that are no numbers", rowWith(6, "1  2")],
  ["a column too few", ROW.slice(0, 6)],
  ["a column too many", [...ROW, "1"]],
])("refuses %s", (_title, row) => {
  expect(() => decodeRelation(row)).toThrow(DatabaseError);
});

function collectFrom(query: () => Promise<never>, signal: AbortSignal, log: Logger) {
  const tls = {
    mode: "disable",
    certificatePath: undefined,
    keyPath: undefined,
    rootCertificatePath: undefined,
  } as const;
  const connection = {
    endpoints: [],
    user: "u",
    database: "u",
    applicationName: "t",
    connectTimeoutMs: 1,
    tls,
    password: () => undefined,
  };
  const request = { server: { query }, connection, clock: SYSTEM_CLOCK, log, signal };
  return collectDatabaseNames(request, {
    addDatabase: () => {
      throw new Error("there is no database to add");
    },
  });
}

test("a server that does not list its databases is no reason to lose the backup", async () => {
  const { log, lines } = recordingLogger();
  const refuse = () => Promise.reject(new DatabaseError("no such thing"));
  await collectFrom(refuse, new AbortController().signal, log);
  expect(lines).toEqual(["warning: the backup holds no names for partial restores: no such thing"]);
});

test("an abort, and a bug, are told as they are", async () => {
  const { log } = recordingLogger();
  const reason = new DatabaseError("interrupted");
  const refuse = () => Promise.reject(reason);
  await expect(collectFrom(refuse, AbortSignal.abort(reason), log)).rejects.toBe(reason);
  const bug = new TypeError("a bug");
  const signal = new AbortController().signal;
  await expect(collectFrom(() => Promise.reject(bug), signal, log)).rejects.toBe(bug);
});
