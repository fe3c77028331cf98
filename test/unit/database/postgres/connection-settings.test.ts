// Proves that the variables of libpq mean what libpq makes of them, that password files are read by
// its rules, and that contradictions are errors which name the variable.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SettingReader } from "../../../../src/base/setting-reader.ts";
import {
  type ConnectionSettings,
  findPassword,
  readConnectionSettings,
} from "../../../../src/database/postgres/connection-settings.ts";

let homeDir: string;

beforeAll(() => {
  homeDir = mkdtempSync(join(tmpdir(), "home-"));
});
afterAll(() => rmSync(homeDir, { recursive: true }));

function read(
  values: Readonly<Record<string, string>>,
  defaults: { readonly user?: string; readonly homeDir?: string } = { user: "postgres" },
): ConnectionSettings {
  const reader: SettingReader = {
    text: (key) => values[key],
    flag: () => false,
    whole: () => undefined,
    durationMs: () => undefined,
  };
  return readConnectionSettings(reader, {
    user: defaults.user,
    homeDir: defaults.homeDir,
    applicationName: "tidemark",
  });
}

describe("connection settings", () => {
  test("without any variable lead to Debian's socket, then to localhost", () => {
    expect(read({})).toMatchObject({
      endpoints: [
        { host: "/var/run/postgresql", port: 5432 },
        { host: "localhost", port: 5432 },
      ],
      user: "postgres",
      database: "postgres",
      applicationName: "tidemark",
      tls: { mode: "prefer", certificatePath: undefined, rootCertificatePath: undefined },
    });
  });

  test("take what is set", () => {
    const values = {
      PGHOST: "/run/pg, db2 ,",
      PGPORT: "5433",
      PGUSER: "backup",
      PGDATABASE: "shop",
      PGAPPNAME: "nightly",
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: "system",
      PGSSLCERT: "/c.crt",
      PGSSLKEY: "/c.key",
    };
    expect(read(values)).toMatchObject({
      endpoints: [
        { host: "/run/pg", port: 5433 },
        { host: "db2", port: 5433 },
        { host: "/var/run/postgresql", port: 5433 },
      ],
      user: "backup",
      database: "shop",
      applicationName: "nightly",
      tls: {
        mode: "verify-full",
        certificatePath: "/c.crt",
        keyPath: "/c.key",
        rootCertificatePath: "system",
      },
    });
  });

  test("name the database after the user", () => {
    expect(read({ PGUSER: "backup" }).database).toBe("backup");
  });

  test.each([
    ["a,b", "5432,5433", ["a:5432", "b:5433"]],
    ["a, b", " 5432 , ", ["a:5432", "b:5432"]],
    ["a,b,c", "6000", ["a:6000", "b:6000", "c:6000"]],
    ["a,b,c", ",6001,", ["a:5432", "b:6001", "c:5432"]],
    ["a,b", "", ["a:5432", "b:5432"]],
  ])("pair the hosts %j with the ports %j", (hosts, ports, wanted) => {
    const { endpoints } = read({ PGHOST: hosts, PGPORT: ports });
    expect(endpoints.map(({ host, port }) => `${host}:${port}`)).toEqual(wanted);
  });

  test.each([
    [{ PGHOST: "a,b,c", PGPORT: "1,2" }, /PGPORT names 2 ports, and PGHOST 3 hosts/],
    [{ PGHOST: "a", PGPORT: "1,2" }, /PGPORT names 2 ports, and PGHOST 1 host$/],
    [{ PGPORT: "1,2" }, /PGPORT names 2 ports, and PGHOST no hosts/],
    [{ PGHOST: "a,b", PGPORT: "1,x" }, /PGPORT: not a port: "x"/],
    [{ PGPORT: "54x" }, /PGPORT: not a port: "54x"/],
    [{ PGPORT: "0" }, /PGPORT/],
    [{ PGPORT: "65536" }, /PGPORT/],
    [{ PGSSLMODE: "maybe" }, /PGSSLMODE: unknown mode "maybe"/],
    [{ PGSSLMODE: "verify-ca" }, /PGSSLMODE=verify-ca needs a root certificate/],
    [{ PGSSLMODE: "verify-ca", PGSSLROOTCERT: "system" }, /needs PGSSLMODE=verify-full/],
    [{ PGSSLCERT: "/c.crt" }, /PGSSLCERT is \/c.crt, and there is no key for it/],
  ])("refuse %j", (values, message) => {
    expect(() => read(values)).toThrow(message);
  });

  test("refuse a user without a name, but not one that is set", () => {
    expect(() => read({}, {})).toThrow(/PGUSER is not set/);
    expect(read({ PGUSER: "u" }, {}).user).toBe("u");
  });

  test("find certificates in the home directory", () => {
    mkdirSync(join(homeDir, ".postgresql"), { recursive: true });
    for (const name of ["root.crt", "postgresql.crt", "postgresql.key"]) {
      writeFileSync(join(homeDir, ".postgresql", name), "");
    }
    expect(read({ PGSSLMODE: "verify-ca" }, { user: "u", homeDir }).tls).toEqual({
      mode: "verify-ca",
      certificatePath: join(homeDir, ".postgresql/postgresql.crt"),
      keyPath: join(homeDir, ".postgresql/postgresql.key"),
      rootCertificatePath: join(homeDir, ".postgresql/root.crt"),
    });
  });

  test("take the password from PGPASSWORD, else from the file of the home directory", () => {
    const path = join(homeDir, ".pgpass");
    writeFileSync(path, "db:5432:*:u:of-the-file\n");
    chmodSync(path, 0o600);
    const endpoint = { host: "db", port: 5432 };
    const defaults = { user: "u", homeDir };
    expect(read({}, defaults).password(endpoint)).toBe("of-the-file");
    expect(read({ PGPASSWORD: "of-the-variable" }, defaults).password(endpoint)).toBe(
      "of-the-variable",
    );
    expect(read({}, { user: "other", homeDir }).password(endpoint)).toBeUndefined();
    chmodSync(path, 0o640);
    expect(() => read({}, defaults).password(endpoint)).toThrow(/group or others have access/);
    const absent = { PGPASSFILE: join(homeDir, "absent") };
    expect(read(absent, defaults).password(endpoint)).toBeUndefined();
    expect(read({ PGPASSFILE: homeDir }, defaults).password(endpoint)).toBeUndefined();
  });

  test("do not show the password when they are printed", () => {
    const settings = read({ PGPASSWORD: "sesame" });
    expect(Bun.inspect(settings, { depth: 10 })).not.toContain("sesame");
    expect(JSON.stringify(settings)).not.toContain("sesame");
  });
});

describe("a password file", () => {
  const owner = { endpoint: { host: "db", port: 5432 }, database: "shop", user: "backup" };
  const socket = { ...owner, endpoint: { host: "/var/run/postgresql", port: 5432 } };

  test.each([
    ["the first line that matches", "db:5432:shop:backup:one\ndb:*:*:*:two", "one"],
    ["stars", "*:*:*:*:any", "any"],
    ["no other host", "db2:5432:shop:backup:x", undefined],
    ["no other port", "db:5433:shop:backup:x", undefined],
    ["no other database", "db:5432:shop2:backup:x", undefined],
    ["no other user", "db:5432:shop:root:x", undefined],
    ["comments and empty lines", "# db:5432:shop:backup:x\n\n*:*:*:backup:y\r\n", "y"],
    ["hidden colons and backslashes", "*:*:*:*:a\\:b\\\\c", "a:b\\c"],
    ["no line that is too short", "*:*:*:*", undefined],
    ["an empty password", "*:*:*:*:", ""],
    ["no star inside a name", "d*:*:*:*:x", undefined],
    ["nothing of an empty file", "", undefined],
  ])("gives %s", (_, text, expected) => {
    expect(findPassword(text, owner)).toBe(expected);
  });

  test("calls the default socket localhost, and others by their folder", () => {
    expect(findPassword("localhost:*:*:*:x", socket)).toBe("x");
    const other = { ...owner, endpoint: { host: "/run/pg", port: 5432 } };
    expect(findPassword("localhost:*:*:*:x", other)).toBeUndefined();
    expect(findPassword("/run/pg:*:*:*:y", other)).toBe("y");
  });
});
