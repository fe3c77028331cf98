// Proves that a directory of a real SSH server (OpenSSH) keeps the guarantees of StorageDriver:
// over several connections, and over one without the server's hard links and flushing.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import { SftpDriver } from "../../src/storage/sftp/driver.ts";
import { readSftpSettings } from "../../src/storage/sftp/settings.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import { sftpSettings, startSftpServer } from "../support/sftp-server.ts";
import type { OpenedStorage } from "./storage-driver.calls.ts";
import { testStorageDriver } from "./storage-driver.suite.ts";

const MIB = 1024 * 1024;

async function open(
  settings: Readonly<Record<string, string>> = {},
  lines: readonly string[] = [],
): Promise<OpenedStorage> {
  const server = await startSftpServer({ lines });
  const driver = new SftpDriver(
    readSftpSettings(mapSettings({ ...sftpSettings(server), ...settings }), {
      storagePrefix: "some/folder",
      account: undefined,
    }),
    {
      budget: new ByteBudget(32 * MIB),
      clock: SYSTEM_CLOCK,
      policy: quickPolicy(3),
      idleTimeoutMs: 60_000,
    },
  );
  return { driver, close: async () => server[Symbol.asyncDispose]() };
}

const COMMON = { multipartBytes: 3 * MIB, listingCount: 1100 };

testStorageDriver({ name: "sftp", open: () => open(), ...COMMON });
testStorageDriver({
  name: "sftp, one connection, no hard links, no flushing",
  open: () => open({ SSH_CONNECTIONS_MAX: "1" }, ["ForceCommand internal-sftp -P hardlink,fsync"]),
  ...COMMON,
});
