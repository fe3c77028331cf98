// Proves the order in which the database is decided, and that two configured ones are an error.
import { expect, test } from "vitest";
import { databasesWith, decideDatabase } from "../../../src/cli/personality.ts";
import { environmentSource } from "../../../src/config/sources.ts";

function decide(
  commandName: string,
  environment: Record<string, string> = {},
  told?: "postgres" | "mysql" | "redis",
): string {
  const configured = () => [...environmentSource(environment).values.values()];
  return decideDatabase({ told, commandName, configured });
}

const MYSQL = { WALG_MYSQL_DATASOURCE_NAME: "u:p@/db" };
const REDIS = { WALG_REDIS_PASSWORD: "hush" };
const POSTGRES = { PGDATA: "/pg" };

test("takes what was told before all else", () => {
  expect(decide("wal-push", MYSQL, "redis")).toBe("redis");
});

test("takes the only tree that has the command before configured keys", () => {
  expect(decide("wal-push", MYSQL)).toBe("postgres");
  expect(decide("binlog-push", POSTGRES)).toBe("mysql");
  expect(decide("backup-delete", POSTGRES)).toBe("redis");
});

test("takes the database whose keys are set, and PostgreSQL without any", () => {
  expect(decide("backup-push", MYSQL)).toBe("mysql");
  expect(decide("backup-push", REDIS)).toBe("redis");
  expect(decide("backup-push", POSTGRES)).toBe("postgres");
  expect(decide("backup-push", { WALG_S3_PREFIX: "s3://b" })).toBe("postgres");
});

test("refuses to choose between two, and says which keys they are", () => {
  expect(() => decide("backup-push", { ...MYSQL, ...POSTGRES })).toThrow(
    /backup-push is ambiguous: .*(PGDATA|WALG_MYSQL_DATASOURCE_NAME).* and/,
  );
  expect(() => decide("delete", { ...MYSQL, ...REDIS })).toThrow("ambiguous");
});

test("counts only keys of databases that have the command", () => {
  expect(decide("backup-mark", { ...POSTGRES, ...REDIS })).toBe("postgres");
  expect(decide("xtrabackup-push", { ...MYSQL, ...POSTGRES })).toBe("mysql");
});

test("needs no choice for a command that is the same for all", () => {
  expect(() => decide("config", { ...MYSQL, ...POSTGRES })).not.toThrow();
});

test("knows the trees of commands, planned ones and groups included", () => {
  expect([...databasesWith("wal-push")]).toEqual(["postgres"]);
  expect(databasesWith("st").size).toBe(3);
  expect(databasesWith("no-such").size).toBe(0);
});
