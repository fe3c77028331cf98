// What the tests of SFTP under faults share: a real server behind a proxy that breaks connections.
import { ByteBudget } from "../../src/base/byte-budget.ts";
import { SYSTEM_CLOCK } from "../../src/base/clock.ts";
import type { StorageDriver } from "../../src/storage/driver.ts";
import { SftpDriver } from "../../src/storage/sftp/driver.ts";
import { readSftpSettings } from "../../src/storage/sftp/settings.ts";
import { retrying } from "../../src/storage/wrap/retrying.ts";
import { mapSettings } from "../support/map-settings.ts";
import { quickPolicy } from "../support/retry-policy.ts";
import { type SftpServer, sftpSettings, startSftpServer } from "../support/sftp-server.ts";
import { startTcpFaultProxy, type TcpFaultProxy } from "../support/tcp-fault-proxy.ts";
import { UNRESOLVABLE_HOST } from "../support/unresolvable-host.ts";

export interface FaultySftp extends AsyncDisposable {
  readonly server: SftpServer;
  readonly proxy: TcpFaultProxy;
  readonly driver: StorageDriver;
  /** The same under a host's name that nobody knows. */
  readonly nowhere: StorageDriver;
}

export interface FaultySftpOptions {
  readonly lines?: readonly string[];
  readonly sizeMiB?: number;
  readonly attemptsMax?: number;
  readonly connectionsMax?: number;
  readonly idleTimeoutMs?: number;
  readonly beforeRetry?: () => Promise<unknown>;
}

/** A driver, with its retries, that reaches an empty repository through the proxy. */
export async function startFaultySftp(options: FaultySftpOptions = {}): Promise<FaultySftp> {
  const { lines = [], sizeMiB } = options;
  const server = await startSftpServer({ lines, ...(sizeMiB === undefined ? {} : { sizeMiB }) });
  const proxy = await startTcpFaultProxy(server.port);
  const values = {
    ...sftpSettings(server, proxy.port),
    // The proxy shows the server's own key, on a port that nobody knows.
    SSH_HOST_KEY_CHECK: "false",
    SSH_CONNECTIONS_MAX: String(options.connectionsMax ?? 2),
  };
  const policy = quickPolicy(options.attemptsMax ?? 6, options.beforeRetry);
  const open = (change: Readonly<Record<string, string>> = {}) => {
    const reader = mapSettings({ ...values, ...change });
    const settings = readSftpSettings(reader, { storagePrefix: "", account: undefined });
    const inner = new SftpDriver(settings, {
      budget: new ByteBudget(32 * 1024 * 1024),
      clock: SYSTEM_CLOCK,
      policy,
      idleTimeoutMs: options.idleTimeoutMs ?? 20_000,
    });
    return retrying(inner, policy);
  };
  const driver = open();
  return {
    server,
    proxy,
    driver,
    nowhere: open({ SSH_PREFIX: `ssh://${server.userName}@${UNRESOLVABLE_HOST}/repository` }),
    async [Symbol.asyncDispose]() {
      await driver.close();
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
