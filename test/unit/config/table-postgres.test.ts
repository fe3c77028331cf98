// Proves that each documented key of this section is in it, with its default.
import { expect, test } from "vitest";
import { findSetting, settingOfKey } from "../../../src/config/table.ts";
import { POSTGRES_SETTINGS } from "../../../src/config/table-postgres.ts";

const ROWS = POSTGRES_SETTINGS.settings;

const DOCUMENTED: readonly (readonly [string, string | undefined])[] = [
  ["PGHOST", undefined],
  ["PGPORT", "5432"],
  ["PGUSER", undefined],
  ["PGDATABASE", undefined],
  ["PGPASSWORD", undefined],
  ["PGPASSFILE", undefined],
  ["PGSSLMODE", "prefer"],
  ["PGSSLCERT", undefined],
  ["PGSSLKEY", undefined],
  ["PGSSLROOTCERT", undefined],
  ["PGAPPNAME", "tidemark"],
  ["PGDATA", undefined],
  ["WALG_PG_WAL_SIZE", undefined],
  ["WALG_PG_WAL_PAGE_SIZE", "8192"],
  ["WALG_PG_BLOCK_SIZE", "8192"],
  ["PGBACKREST_STANZA", "main"],
  ["WALG_ALIVE_CHECK_INTERVAL", "1m"],
  ["WALG_STOP_BACKUP_TIMEOUT", undefined],
];

test.each(DOCUMENTED)("knows %s with default %s", (name, usual) => {
  const setting = findSetting(name)?.setting;
  expect(ROWS).toContain(setting);
  expect(setting?.default).toBe(usual);
});

test("tells the server who calls, by the name of the program", () => {
  expect(settingOfKey("PGAPPNAME")?.walgDefault).toBe("wal-g");
});

test("belongs to PostgreSQL, every one", () => {
  expect(new Set(ROWS.map(({ database }) => database))).toEqual(new Set(["postgres"]));
});
