// Which way a backup is taken, and how, is read from the settings: the real table of settings with
// its defaults, and a server that is not there, so that nothing but the way shows.
import { expect, test } from "vitest";
import { SYSTEM_CLOCK } from "../../../../src/base/clock.ts";
import { FilesystemError } from "../../../../src/base/errors.ts";
import { systemZone } from "../../../../src/base/local-zone.ts";
import { postgresBackupAdapter } from "../../../../src/database/postgres/backup-adapter.ts";
import { DatabaseError } from "../../../../src/database/postgres/wire/server-error.ts";
import { mapSettings } from "../../../support/map-settings.ts";
import { recordingLogger } from "../../../support/memory-repository.ts";

const REQUEST = {
  parent: undefined,
  journal: {
    contains: async () => false,
    read: async () => undefined,
    open: async () => undefined,
  },
  isPermanent: false,
  userData: undefined,
  signal: new AbortController().signal,
};

function adapter(dataDir: string | undefined, settings: Readonly<Record<string, string>>) {
  const { log } = recordingLogger();
  return postgresBackupAdapter(mapSettings(settings), {
    dataDir,
    hostname: "db1",
    zone: systemZone(),
    clock: SYSTEM_CLOCK,
    log,
    userName: "u",
    homeDir: undefined,
  });
}

test("it is PostgreSQL's", () => {
  expect(adapter(undefined, {}).kind).toBe("postgres");
});

test("a data directory that is not there is told before any server is asked", async () => {
  const local = adapter("/nowhere/at/all", { PGHOST: "/nowhere" });
  const failure = await local.beginBackup(REQUEST).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FilesystemError);
  expect(String(failure)).toContain("/nowhere/at/all");
});

test.each([undefined, "/tmp"])(
  "a server that is not there is told by its place (%s)",
  async (dataDir) => {
    const away = adapter(dataDir, { PGHOST: "/nowhere", PGPORT: "5999" });
    const failure = await away.beginBackup(REQUEST).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DatabaseError);
    expect(String(failure)).toContain("/nowhere");
  },
);
