// Proves which files `--restore-only` asks for, by the forms that WAL-G's users write, and that a
// name which means nothing is refused.
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../../src/base/json.ts";
import { RestoreSelection } from "../../../../src/database/postgres/restore-selection.ts";

const table = (oid: number, relfilenode = oid, subtables?: JsonObject): JsonObject => ({
  oid,
  relfilenode,
  ...(subtables === undefined ? {} : { subtables }),
});

const DATABASES = {
  postgres: { oid: 5, tables_new: { "public.t": table(16_390) } },
  shop: {
    oid: 20_000,
    tables_new: {
      "pg_catalog.pg_class": table(1259, 30_000),
      "public.orders": table(20_001, 20_101),
      "public.orders_pkey": table(20_002, 20_102),
      "pg_toast.pg_toast_20001": table(20_003, 20_103),
      "pg_toast.pg_toast_20001_index": table(20_004, 20_104),
      "audit.log": table(20_005, 0, {
        "audit.log_1": table(20_006, 20_106),
        "audit.log_2": table(20_007, 20_107),
      }),
      "pg_toast.pg_toast_20006": table(20_008, 20_108),
    },
  },
  "other one": { oid: 21_000, tables_new: { "public.t": table(21_001) } },
};

function selection(...patterns: string[]): RestoreSelection {
  const made = new RestoreSelection(patterns);
  for (const [name, value] of Object.entries(DATABASES)) made.addDatabase(name, value);
  made.check("base_1");
  return made;
}

const SHOP = "base/20000";

function chosenOf(made: RestoreSelection): readonly number[] {
  return [20_101, 20_102, 20_103, 20_104, 20_106, 20_107, 20_108].filter((relation) =>
    made.isChosen(`${SHOP}/${relation}`),
  );
}

describe("a selection of databases and tables", () => {
  it.each([
    ["shop", [20_101, 20_102, 20_103, 20_104, 20_106, 20_107, 20_108]],
    ["shop/*", [20_101, 20_102, 20_103, 20_104, 20_106, 20_107, 20_108]],
    ["shop/orders", [20_101, 20_103, 20_104]],
    ["shop/public.orders", [20_101, 20_103, 20_104]],
    ["shop/public/orders", [20_101, 20_103, 20_104]],
    ["shop/orders*", [20_101, 20_102, 20_103, 20_104]],
    ["shop/audit.log", [20_106, 20_107, 20_108]],
    ["shop/audit/log_2", [20_107]],
    ["shop/audit/*", [20_106, 20_107, 20_108]],
    ["s*p/*.log_1", [20_106, 20_108]],
    ["other one", []],
  ])("%s", (pattern, expected) => {
    expect(chosenOf(selection(pattern))).toEqual(expected);
  });

  it("always has what every cluster and every database needs", () => {
    const made = selection("shop/orders");
    for (const path of [
      "PG_VERSION",
      "global/1262",
      "global/pg_filenode.map",
      "base/5/16390",
      "base/1/99999",
      `${SHOP}/PG_VERSION`,
      `${SHOP}/1249`,
      `${SHOP}/1249_vm`,
      // A catalog that was rewritten.
      `${SHOP}/30000`,
      "base/21000/1249",
      "base/21000/21001_init",
      "pg_xact/0000",
    ]) {
      expect(made.isChosen(path), path).toBe(true);
    }
  });

  it("leaves out the other forks, segments and tablespaces of a relation too", () => {
    const made = selection("shop/orders");
    const inTablespace = "pg_tblspc/16400/PG_15_202209061/20000";
    for (const relation of ["20101", "20101_fsm", "20101_vm", "20101.1"]) {
      expect(made.isChosen(`${SHOP}/${relation}`)).toBe(true);
      expect(made.isChosen(`${inTablespace}/${relation}`)).toBe(true);
    }
    for (const relation of ["20106", "20106_fsm", "20106.2", "99999"]) {
      expect(made.isChosen(`${SHOP}/${relation}`)).toBe(false);
      expect(made.isChosen(`${inTablespace}/${relation}`)).toBe(false);
    }
  });

  it("spoils the map of a database of which nothing is asked for, and only that", () => {
    const made = selection("shop/orders");
    expect(made.leftOut).toEqual(["other one"]);
    expect(made.isChosen(`${SHOP}/pg_filenode.map`)).toBe(true);
    expect(made.isChosen("base/21000/pg_filenode.map")).toBe(false);
    expect(made.isChosen("base/5/pg_filenode.map")).toBe(true);
    // A database that was not connected to when the names were recorded.
    expect(made.isChosen("base/22000/pg_filenode.map")).toBe(false);
    expect(made.isChosen("base/22000/22001")).toBe(false);
  });

  it.each([
    ["nowhere", "--restore-only nowhere: base_1 holds no such database or table"],
    ["shop/Orders", "--restore-only shop/Orders"],
    ["shop/a/b/c", "names no database or table"],
    ["shop/", "names no database or table"],
    ["/orders", "names no database or table"],
  ])("refuses %s", (pattern, message) => {
    expect(() => selection("postgres", pattern)).toThrow(message);
  });

  it("is refused without names to go by", () => {
    const made = new RestoreSelection(["shop"]);
    expect(() => made.check("base_1")).toThrow("it holds no names of databases and tables");
  });
});
